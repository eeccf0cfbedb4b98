// Scanners of others: how their adapters are reached, and which repositories chose them
// (docs/adr/0015-scanners-of-others.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "crypto/secret.hpp"
#include "db/database.hpp"
#include "events/events.hpp"
#include "repos/repository.hpp"

namespace holdfast::scanner {

inline constexpr std::string_view kScannerUnknown = "scanner_unknown";     // not_found
inline constexpr std::string_view kScannerExists = "scanner_exists";       // already_exists
inline constexpr std::string_view kScannerInvalid = "scanner_invalid";     // invalid
inline constexpr std::string_view kScannerInUse = "scanner_in_use";        // conflict
inline constexpr std::string_view kTooManyScanners = "too_many_scanners";  // conflict

inline constexpr std::size_t kRegistrationsAtMost = 100;

// How an adapter is told who asks, by Harbor's words: "", "Basic", "Bearer",
// "X-ScannerAdapter-API-Key".
enum class Authentication : std::uint8_t { none, basic, bearer, api_key };
std::string_view name(Authentication authentication);
std::optional<Authentication> authentication_of(std::string_view name);

enum class Certificates : std::uint8_t { checked, anything };

struct Registration {
  std::int64_t id = 0;
  std::string uuid{};
  std::string name{};
  std::string description{};
  std::string url{};  // of the adapter, without "/api/v1"
  Authentication authentication = Authentication::none;
  std::string sealed_credential{};
  Certificates certificates = Certificates::checked;
  std::string authority_pem{};  // whom its certificate must come from; "": those of the machine
  std::string registry_url{};   // under which it reaches this registry; "": the external URL
  bool is_disabled = false;     // nothing is given to it; what it found stays
  bool is_default = false;      // for repositories that chose nothing
  Timestamp created_at{};
  Timestamp updated_at{};
};

// What a registration is made with or changed to; nothing = the default, or as it is.
struct RegistrationFields {
  std::optional<std::string> name{};
  std::optional<std::string> description{};
  std::optional<std::string> url{};
  std::optional<Authentication> authentication{};
  std::optional<std::string> credential{};  // of Basic "user:password"
  std::optional<Certificates> certificates{};
  std::optional<std::string> authority_pem{};
  std::optional<std::string> registry_url{};
  std::optional<bool> is_disabled{};
  std::optional<bool> is_default{};
};

// What a repository chose: nothing, the built-in scanner (0), or a registration by its id.
using Choice = std::optional<std::int64_t>;
inline constexpr std::int64_t kBuiltIn = 0;

// The scanner of a row of "repositories" in SQL: the id of a registration, or kBuiltIn.
inline constexpr std::string_view kScannerOfRepository =
    "COALESCE((SELECT registration_id FROM scan_choices WHERE scan_choices.repository_id = "
    "repositories.id), (SELECT id FROM scan_registrations WHERE is_default = 1), 0)";

// The tables of registrations and of what they found, see adapter_scans.hpp.
std::span<const db::Migration> adapter_migrations();

// Threads: any; calls block on the database. Credentials are sealed under the server's key and
// leave by credential() alone.
class Registrations {
 public:
  Registrations(db::Database& database, crypto::Sealer sealer, const Clock& clock, Random& random);

  // All, by their names.
  Result<std::vector<Registration>> list();
  Result<Registration> find(std::string_view uuid);  // kScannerUnknown
  // What such fields would make, without keeping it. kScannerInvalid.
  Result<Registration> draft(const RegistrationFields& fields);
  // One event each, which names what changed and no secret. kScannerInvalid: a field that fits
  // nothing; another URL without its credential, which must not go to another server; a default
  // that is disabled. kScannerExists: the name. Whatever becomes the default, no other is.
  Result<Registration> create(const RegistrationFields& fields, const events::Actor& actor);
  Result<Registration> update(std::string_view uuid, const RegistrationFields& fields,
                              const events::Actor& actor);
  // kScannerInUse while repositories have chosen it. What it found is seen no more.
  Result<void> remove(std::string_view uuid, const events::Actor& actor);
  // The secret itself. corrupt/crypto::kSealBroken.
  Result<std::string> credential(const Registration& registration);

  // Who scans the images of a repository; nothing: the built-in scanner.
  Result<std::optional<Registration>> of(std::int64_t repository_id);
  Result<Choice> choice(std::int64_t repository_id);
  // One event about the repository. kScannerUnknown: gone meanwhile.
  Result<void> choose(const repos::Repository& repository, Choice choice,
                      const events::Actor& actor);

 private:
  Result<void> apply(const RegistrationFields& fields, Registration& registration);
  Result<void> save(db::Tx& tx, const Registration& registration);

  db::Database& database_;
  const crypto::Sealer sealer_;
  const Clock& clock_;
  Random& random_;
};

}  // namespace holdfast::scanner
