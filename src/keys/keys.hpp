// Secrets of the server itself, by name, sealed in the database: CA key, token signing keys.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "crypto/secret.hpp"
#include "db/database.hpp"

namespace holdfast::keys {

std::span<const db::Migration> migrations();

// All replicas see the same secrets: whoever creates one first wins. The sealing key itself is a
// file outside the database (secret.key in the data folder, 0600, or one the operator brings).
class KeyStore {
 public:
  KeyStore(db::Database& database, crypto::Sealer sealer, const Clock& clock, Random& random);

  // corrupt/kSealBroken when the sealing key is not the one that sealed it.
  Result<std::optional<std::string>> find(std::string_view name);
  // Stores `secret` unless the name is taken; gives what is stored then.
  Result<std::string> create(std::string_view name, std::string_view secret);
  // `also` runs in the same transaction: the event of the change.
  Result<void> replace(std::string_view name, std::string_view secret,
                       const db::Database::Function& also);
  // Calls `on_change` from any thread when the secret may have become another one, by whichever
  // replica, as long as what is given lives.
  std::shared_ptr<void> subscribe(std::string_view name, std::function<void()> on_change);

 private:
  db::Database& database_;
  crypto::Sealer sealer_;
  const Clock& clock_;
  Random& random_;
};

// Reads the sealing key, or makes it on a first start (`create`): 32 random bytes in hex, mode
// 0600, synced. Refuses (denied) a file that others can read.
enum class IfMissing { create, fail };
Result<crypto::Sealer> load_sealer(const std::string& path, IfMissing if_missing, Random& random);

}  // namespace holdfast::keys
