// Public keys that accounts keep here, with the certificates that were made for them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/accounts.hpp"

namespace holdfast::accounts {

inline constexpr std::string_view kPublicKeyUnknown = "public_key_unknown";     // not_found
inline constexpr std::string_view kPublicKeyExists = "public_key_exists";       // already_exists
inline constexpr std::string_view kTooManyPublicKeys = "too_many_public_keys";  // quota

struct KeyCertificate {
  std::string label;  // at most 256 bytes
  std::string pem;
};

struct AccountKey {
  std::string id;  // SHA-256 of the key's DER, hex
  std::string pem;
  std::string label;
  std::vector<KeyCertificate> certificates;
};

// Nothing = keep.
struct AccountKeyChange {
  std::optional<std::string> label{};
  std::optional<std::vector<KeyCertificate>> certificates{};
};

// Nobody logs in with them. Threads: any; all calls block. Labels: at most 256 bytes
// (kTextInvalid); certificates: at most 10, each for its key (crypto::kCertificateInvalid).
class PublicKeys {
 public:
  PublicKeys(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  // crypto::kPublicKeyInvalid, kPublicKeyExists; at most 100 of an account: kTooManyPublicKeys.
  Result<AccountKey> add(const Account& account, std::string_view pem, std::string_view label,
                         const std::vector<KeyCertificate>& certificates,
                         const events::Actor& actor);
  // kPublicKeyUnknown.
  Result<AccountKey> update(const Account& account, std::string_view id,
                            const AccountKeyChange& change, const events::Actor& actor);
  Result<void> remove(const Account& account, std::string_view id, const events::Actor& actor);
  // In the order of their ids, from `start` on.
  Result<std::vector<AccountKey>> list(const Account& account, std::string_view start,
                                       std::int64_t limit);

 private:
  db::Database& database_;
  const Clock& clock_;
};

}  // namespace holdfast::accounts
