#include "accounts/access_tokens.hpp"

#include <algorithm>
#include <atomic>
#include <fmt/format.h>

#include "accounts/rows.hpp"
#include "accounts/token_rows.hpp"
#include "codec/text.hpp"
#include "crypto/secret.hpp"

namespace holdfast::accounts {

namespace {

constexpr std::size_t kMemoryBytes = 16UZ << 20U;
constexpr std::size_t kTokenBytes = 1024;  // in memory, its scope apart
constexpr std::size_t kLabelMaxBytes = 256;
constexpr std::size_t kUsesAtMost = 100'000;  // that wait for the database
constexpr std::chrono::minutes kNotedEvery{1};
constexpr std::int64_t kRemovedAtOnce = 500;

std::string id_of(std::string_view secret) {
  const auto hash = crypto::sha256(secret);
  return codec::hex({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

bool is_id(std::string_view text) {
  constexpr std::size_t kLength = 64;
  return text.size() == kLength &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Result<void> append_event(db::Tx& tx, events::Type type, const AccessToken& token,
                          const events::Actor& actor, Timestamp now) {
  HF_TRY(const Account owner, account_in(tx, token.account_id));
  events::Event event = event_of(type, owner.name, actor, now);
  event.detail = token.label;
  return events::append(tx, event);
}

Result<void> drop(db::Tx& tx, const AccessToken& token, const events::Actor& actor, Timestamp now) {
  HF_CHECK(tx.execute("DELETE FROM access_tokens WHERE id = $1", {token.id}));
  tx.changed(kChangedAccessToken, token.id);
  return append_event(tx, events::Type::token_deleted, token, actor, now);
}

}  // namespace

// A token in memory, and when its use was last noted.
struct AccessTokens::Known {
  explicit Known(AccessToken token_in)
      : token(std::move(token_in)), noted(token.last_used.value_or(Timestamp())) {}
  const AccessToken token;
  std::atomic<Timestamp> noted;
};

AccessTokens::AccessTokens(db::Database& database, const Clock& clock, Random& random)
    : database_(database),
      clock_(clock),
      random_(random),
      known_(kMemoryBytes),
      subscription_(database.subscribe(
          kChangedAccessToken, [this](std::string_view key) { known_.drop_or_clear(key); })) {}

AccessTokens::~AccessTokens() = default;

Result<AccessTokens::Created> AccessTokens::create(std::string_view user,
                                                   const NewAccessToken& wanted,
                                                   const events::Actor& actor) {
  const Timestamp now = clock_.now();
  HF_CHECK(check_text(wanted.label, "a label", kLabelMaxBytes));
  HF_CHECK(check_scope(wanted.scope));
  if (wanted.expires_at && *wanted.expires_at <= now) {
    return fail(ErrorCode::invalid, kTokenExpiryInvalid, "a token must expire in the future");
  }
  Created made;
  made.secret = uuid(random_);
  const std::string id = id_of(made.secret);
  const std::string scope = text(wanted.scope);
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const Account owner, login_in(tx, user));
    HF_CHECK(tx.execute(
        "INSERT INTO access_tokens (id, account_id, label, is_active, created_at, last_used, "
        "origin, client, expires_at, scope) VALUES ($1, $2, $3, 1, $4, 0, $5, $6, $7, $8)",
        {id, owner.id, wanted.label, to_micros(now),
         std::int64_t{wanted.origin == TokenOrigin::automatic}, actor.client,
         wanted.expires_at ? to_micros(*wanted.expires_at) : std::int64_t{0}, scope}));
    HF_TRY(made.token, access_token_in(tx, id));
    return append_event(tx, events::Type::token_created, made.token, actor, now);
  }));
  return made;
}

Result<AccessToken> AccessTokens::find(std::string_view id) {
  AccessToken found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found, access_token_in(tx, id));
    return {};
  }));
  return found;
}

Result<std::vector<AccessToken>> AccessTokens::list(std::int64_t account_id, std::string_view start,
                                                    std::int64_t limit) {
  static const std::string sql = fmt::format(
      "SELECT {} FROM access_tokens WHERE account_id = $1 AND id >= $2 ORDER BY id LIMIT $3",
      kAccessTokenColumns);
  std::vector<AccessToken> tokens;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    tokens.clear();
    return tx.query(sql, {account_id, start, limit}, [&](const db::Row& row) -> Result<void> {
      tokens.push_back(access_token_of(row));
      return {};
    });
  }));
  return tokens;
}

Result<std::int64_t> AccessTokens::count(std::int64_t account_id) {
  std::optional<std::int64_t> found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(found,
           tx.find<std::int64_t>("SELECT count(*) FROM access_tokens WHERE account_id = $1",
                                 {account_id}, [](const db::Row& row) { return row.integer(0); }));
    return {};
  }));
  return found.value_or(0);
}

Result<AccessToken> AccessTokens::update(std::string_view id, const AccessTokenChange& change,
                                         const events::Actor& actor) {
  if (change.label) HF_CHECK(check_text(*change.label, "a label", kLabelMaxBytes));
  AccessToken changed;
  HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(changed, access_token_in(tx, id));
    changed.label = change.label.value_or(changed.label);
    changed.is_active = change.is_active.value_or(changed.is_active);
    HF_CHECK(tx.execute("UPDATE access_tokens SET label = $2, is_active = $3 WHERE id = $1",
                        {id, changed.label, std::int64_t{changed.is_active}}));
    tx.changed(kChangedAccessToken, id);
    return append_event(tx, events::Type::token_updated, changed, actor, clock_.now());
  }));
  return changed;
}

Result<void> AccessTokens::remove(std::string_view id, const events::Actor& actor) {
  return database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const AccessToken gone, access_token_in(tx, id));
    return drop(tx, gone, actor, clock_.now());
  });
}

Result<std::int64_t> AccessTokens::remove_all(std::int64_t account_id, TokenOrigin origin,
                                              std::optional<Timestamp> unused_since,
                                              const events::Actor& actor) {
  static const std::string sql = fmt::format(
      "SELECT {} FROM access_tokens WHERE account_id = $1 AND origin = $2 AND last_used < $3 AND "
      "created_at < $3 ORDER BY id LIMIT $4",
      kAccessTokenColumns);
  const Timestamp before = unused_since.value_or(Timestamp::max());
  std::int64_t removed = 0;
  while (true) {
    std::vector<AccessToken> gone;
    HF_CHECK(database_.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
      gone.clear();
      HF_CHECK(tx.query(sql,
                        {account_id, std::int64_t{origin == TokenOrigin::automatic},
                         to_micros(before), kRemovedAtOnce},
                        [&](const db::Row& row) -> Result<void> {
                          gone.push_back(access_token_of(row));
                          return {};
                        }));
      for (const AccessToken& token : gone) HF_CHECK(drop(tx, token, actor, clock_.now()));
      return {};
    }));
    removed += static_cast<std::int64_t>(gone.size());
    if (static_cast<std::int64_t>(gone.size()) < kRemovedAtOnce) return removed;
  }
}

std::shared_ptr<const AccessToken> AccessTokens::use(const std::shared_ptr<Known>& known) {
  const AccessToken& token = known->token;
  const Timestamp now = clock_.now();
  if (!token.is_active || (token.expires_at && now >= *token.expires_at)) return nullptr;
  Timestamp noted = known->noted.load();
  if (now - noted >= kNotedEvery && known->noted.compare_exchange_strong(noted, now)) {
    const std::lock_guard lock(mutex_);
    if (used_.size() < kUsesAtMost) used_[token.id] = now;
  }
  return {known, &token};
}

std::shared_ptr<const AccessToken> AccessTokens::remembered_id(std::string_view id) {
  const auto known = known_.find(id);
  return known ? use(*known) : nullptr;
}

std::shared_ptr<const AccessToken> AccessTokens::remembered(std::string_view secret) {
  return remembered_id(id_of(secret));
}

Result<std::shared_ptr<const AccessToken>> AccessTokens::verify_id(std::string_view id) {
  using Verified = std::shared_ptr<const AccessToken>;
  if (!is_id(id)) return Verified();
  if (const auto known = known_.find(id)) return use(*known);
  const auto ticket = known_.ticket(id);
  auto found = find(id);
  if (!found && found.error().reason == kAccessTokenUnknown) return Verified();
  HF_CHECK(found);
  const auto known = std::make_shared<Known>(*std::move(found));
  known_.insert(ticket, id, known, kTokenBytes + text(known->token.scope).size());
  return use(known);
}

Result<std::shared_ptr<const AccessToken>> AccessTokens::verify(std::string_view secret) {
  return verify_id(id_of(secret));
}

Result<void> AccessTokens::flush() {
  std::map<std::string, Timestamp, std::less<>> batch;
  {
    const std::lock_guard lock(mutex_);
    batch.swap(used_);
  }
  if (batch.empty()) return {};
  Result<void> written = database_.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
    for (const auto& [id, at] : batch) {
      HF_CHECK(
          tx.execute("UPDATE access_tokens SET last_used = $2 WHERE id = $1 AND last_used < $2",
                     {id, to_micros(at)}));
    }
    return {};
  });
  if (!written) {
    // Kept for the next flush, within the same bound.
    const std::lock_guard lock(mutex_);
    if (used_.size() + batch.size() <= kUsesAtMost) used_.merge(batch);
  }
  return written;
}

std::string_view name(TokenOrigin origin) {
  return origin == TokenOrigin::manual ? "manual" : "auto";
}

std::optional<TokenOrigin> parse_token_origin(std::string_view text) {
  for (const TokenOrigin origin : {TokenOrigin::manual, TokenOrigin::automatic}) {
    if (name(origin) == text) return origin;
  }
  return std::nullopt;
}

}  // namespace holdfast::accounts
