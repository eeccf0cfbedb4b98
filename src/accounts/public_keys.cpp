#include "accounts/public_keys.hpp"

#include <fmt/format.h>

#include "accounts/rows.hpp"
#include "crypto/public_key.hpp"

namespace holdfast::accounts {

namespace {

constexpr std::size_t kLabelMaxBytes = 256;
constexpr std::int64_t kKeysAtMost = 100;
constexpr std::size_t kCertificatesAtMost = 10;

// The certificates as they are kept.
Result<std::vector<KeyCertificate>> checked(const crypto::PublicKey& key,
                                            const std::vector<KeyCertificate>& given) {
  if (given.size() > kCertificatesAtMost) {
    return fail(ErrorCode::invalid, kTextInvalid,
                fmt::format("a key has at most {} certificates", kCertificatesAtMost));
  }
  std::vector<KeyCertificate> certificates;
  for (const KeyCertificate& entry : given) {
    HF_CHECK(check_text(entry.label, "a label", kLabelMaxBytes));
    HF_TRY(std::string pem, crypto::parse_certificate_of(key, entry.pem));
    certificates.push_back({entry.label, std::move(pem)});
  }
  return certificates;
}

Result<void> put_certificates(db::Tx& tx, std::int64_t account_id, std::string_view key_id,
                              const std::vector<KeyCertificate>& certificates) {
  HF_CHECK(tx.execute("DELETE FROM public_key_certificates WHERE account_id = $1 AND key_id = $2",
                      {account_id, key_id}));
  std::int64_t number = 0;
  for (const KeyCertificate& entry : certificates) {
    HF_CHECK(
        tx.execute("INSERT INTO public_key_certificates (account_id, key_id, number, label, pem) "
                   "VALUES ($1, $2, $3, $4, $5)",
                   {account_id, key_id, number++, entry.label, entry.pem}));
  }
  return {};
}

Result<std::vector<AccountKey>> keys_in(db::Tx& tx, std::int64_t account_id, std::string_view start,
                                        std::int64_t limit) {
  std::vector<AccountKey> keys;
  HF_CHECK(tx.query(
      "SELECT id, pem, label FROM public_keys WHERE account_id = $1 AND id >= $2 ORDER BY id "
      "LIMIT $3",
      {account_id, start, limit}, [&](const db::Row& row) -> Result<void> {
        keys.push_back({row.string(0), row.string(1), row.string(2), {}});
        return {};
      }));
  if (keys.empty()) return keys;
  auto key = keys.begin();
  HF_CHECK(tx.query(
      "SELECT key_id, label, pem FROM public_key_certificates WHERE account_id = $1 AND "
      "key_id >= $2 AND key_id <= $3 ORDER BY key_id, number",
      {account_id, keys.front().id, keys.back().id}, [&](const db::Row& row) -> Result<void> {
        while (key != keys.end() && key->id < row.text(0)) ++key;
        if (key != keys.end() && key->id == row.text(0)) {
          key->certificates.push_back({row.string(1), row.string(2)});
        }
        return {};
      }));
  return keys;
}

Result<AccountKey> key_in(db::Tx& tx, const Account& account, std::string_view id) {
  HF_TRY(std::vector<AccountKey> keys, keys_in(tx, account.id, id, 1));
  if (!keys.empty() && keys.front().id == id) return std::move(keys.front());
  return fail(ErrorCode::not_found, kPublicKeyUnknown,
              fmt::format("{} has no public key with this id", account.name));
}

Result<void> append_event(db::Tx& tx, events::Type type, const Account& account,
                          std::string_view key_id, const events::Actor& actor, Timestamp now) {
  events::Event event = event_of(type, account.name, actor, now);
  event.detail = key_id;
  return events::append(tx, event);
}

}  // namespace

Result<AccountKey> PublicKeys::add(const Account& account, std::string_view pem,
                                   std::string_view label,
                                   const std::vector<KeyCertificate>& certificates,
                                   const events::Actor& actor) {
  HF_CHECK(check_text(label, "a label", kLabelMaxBytes));
  HF_TRY(const crypto::PublicKey key, crypto::parse_public_key(pem));
  HF_TRY(const std::vector<KeyCertificate> kept, checked(key, certificates));
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(account_in(tx, account.id));
    HF_TRY(const auto count,
           tx.find<std::int64_t>("SELECT count(*) FROM public_keys WHERE account_id = $1",
                                 {account.id}, [](const db::Row& row) { return row.integer(0); }));
    if (count.value_or(0) >= kKeysAtMost) {
      return fail(ErrorCode::quota, kTooManyPublicKeys,
                  fmt::format("an account has at most {} public keys", kKeysAtMost));
    }
    HF_TRY(const std::int64_t added,
           tx.execute("INSERT INTO public_keys (account_id, id, pem, label) "
                      "VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                      {account.id, key.id, key.pem, label}));
    if (added == 0) {
      return fail(ErrorCode::already_exists, kPublicKeyExists,
                  fmt::format("{} has this public key already", account.name));
    }
    HF_CHECK(put_certificates(tx, account.id, key.id, kept));
    return append_event(tx, events::Type::public_key_created, account, key.id, actor, clock_.now());
  }));
  return AccountKey{key.id, key.pem, std::string(label), kept};
}

Result<AccountKey> PublicKeys::update(const Account& account, std::string_view id,
                                      const AccountKeyChange& change, const events::Actor& actor) {
  if (change.label) HF_CHECK(check_text(*change.label, "a label", kLabelMaxBytes));
  AccountKey changed;
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(changed, key_in(tx, account, id));
    changed.label = change.label.value_or(changed.label);
    HF_CHECK(tx.execute("UPDATE public_keys SET label = $3 WHERE account_id = $1 AND id = $2",
                        {account.id, id, changed.label}));
    if (change.certificates) {
      HF_TRY(changed.certificates, checked({changed.id, changed.pem}, *change.certificates));
      HF_CHECK(put_certificates(tx, account.id, id, changed.certificates));
    }
    return append_event(tx, events::Type::public_key_updated, account, id, actor, clock_.now());
  }));
  return changed;
}

Result<void> PublicKeys::remove(const Account& account, std::string_view id,
                                const events::Actor& actor) {
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(key_in(tx, account, id));
    HF_CHECK(put_certificates(tx, account.id, id, {}));
    HF_CHECK(
        tx.execute("DELETE FROM public_keys WHERE account_id = $1 AND id = $2", {account.id, id}));
    return append_event(tx, events::Type::public_key_deleted, account, id, actor, clock_.now());
  });
}

Result<std::vector<AccountKey>> PublicKeys::list(const Account& account, std::string_view start,
                                                 std::int64_t limit) {
  std::vector<AccountKey> keys;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(keys, keys_in(tx, account.id, start, limit));
    return {};
  }));
  return keys;
}

}  // namespace holdfast::accounts
