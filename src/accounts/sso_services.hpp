// Services that accounts register to let people log in here. They are kept and shown; nothing logs
// in by them yet.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/accounts.hpp"

namespace holdfast::accounts {

inline constexpr std::string_view kSsoServiceUnknown = "sso_service_unknown";     // not_found
inline constexpr std::string_view kSsoServiceExists = "sso_service_exists";       // already_exists
inline constexpr std::string_view kSsoServiceInvalid = "sso_service_invalid";     // invalid
inline constexpr std::string_view kTooManySsoServices = "too_many_sso_services";  // quota

struct SsoService {
  std::string id{};    // uuid
  std::string name{};  // as those of accounts, unique for the owner
  std::string description{};
  std::string url{};  // https
  bool is_privileged = false;
  std::vector<std::string> redirect_uris{};  // https
  std::vector<std::string> jwks_uris{};      // https
  std::vector<std::string> provider_identities{};
  std::string ca_bundle{};  // PEM, at most 64 KiB
};

// Nothing = keep.
struct SsoServiceChange {
  std::optional<std::string> description{};
  std::optional<std::string> url{};
  std::optional<bool> is_privileged{};
  std::optional<std::vector<std::string>> redirect_uris{};
  std::optional<std::vector<std::string>> jwks_uris{};
  std::optional<std::vector<std::string>> provider_identities{};
  std::optional<std::string> ca_bundle{};
};

// Threads: any; all calls block. A service is named by its name or its id: kSsoServiceUnknown.
// Texts have at most 2,048 bytes, lists 32 entries: kSsoServiceInvalid, kTextInvalid.
class SsoServices {
 public:
  SsoServices(db::Database& database, const Clock& clock, Random& random)
      : database_(database), clock_(clock), random_(random) {}

  // Its id is given here. kSsoServiceExists; at most 100 of an owner: kTooManySsoServices.
  Result<SsoService> create(const Account& owner, SsoService wanted, const events::Actor& actor);
  Result<SsoService> update(const Account& owner, std::string_view service,
                            const SsoServiceChange& change, const events::Actor& actor);
  Result<void> remove(const Account& owner, std::string_view service, const events::Actor& actor);
  Result<SsoService> find(const Account& owner, std::string_view service);
  // In the order of their names, from `start` on.
  Result<std::vector<SsoService>> list(const Account& owner, std::string_view start,
                                       std::int64_t limit);

 private:
  db::Database& database_;
  const Clock& clock_;
  Random& random_;
};

}  // namespace holdfast::accounts
