#include "accounts/sessions.hpp"

#include <algorithm>
#include <atomic>
#include <fmt/format.h>
#include <mutex>
#include <utility>

#include "accounts/rows.hpp"
#include "accounts/session_settings.hpp"
#include "codec/text.hpp"
#include "crypto/secret.hpp"

namespace holdfast::accounts {

namespace {

constexpr std::string_view kTokenPrefix = "hfs_";
constexpr std::size_t kTokenBytes = 32;
constexpr std::size_t kIdDigits = 16;
constexpr std::size_t kInMemory = 50'000;
constexpr std::int64_t kWriteEvery = 60'000'000;         // microseconds
constexpr std::string_view kChangedSession = "session";  // key: the hash

bool is_hex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string hash_of(std::string_view token) {
  const auto hash = crypto::sha256(token);
  return codec::hex({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

Error invalid() {
  return fail(ErrorCode::unauthenticated, kSessionInvalid,
              "the session is not valid any more: log in again", {"invalid session"});
}

// Ends the sessions of these hashes.
Result<void> remove(db::Tx& tx, const std::vector<std::string>& hashes) {
  constexpr std::size_t kNoticesAtMost = 100;  // beyond these one for all
  for (const std::string& hash : hashes) {
    HF_CHECK(tx.execute("DELETE FROM sessions WHERE hash = $1", {hash}));
    if (hashes.size() <= kNoticesAtMost) tx.changed(kChangedSession, hash);
  }
  if (hashes.size() > kNoticesAtMost) tx.changed(kChangedSession, "");
  return {};
}

struct Row {
  std::string hash;
  std::int64_t last_used_at = 0;
};

Result<std::vector<Row>> rows_of(db::Tx& tx, std::int64_t account_id) {
  std::vector<Row> rows;
  HF_CHECK(tx.query("SELECT hash, last_used_at FROM sessions WHERE account_id = $1", {account_id},
                    [&](const db::Row& row) -> Result<void> {
                      rows.push_back({row.string(0), row.integer(1)});
                      return {};
                    }));
  return rows;
}

}  // namespace

bool is_session_token(std::string_view text) {
  return text.size() == kTokenPrefix.size() + 2 * kTokenBytes && text.starts_with(kTokenPrefix) &&
         is_hex(text.substr(kTokenPrefix.size()));
}

std::string csrf_token_of(std::string_view session_token) {
  const auto code = crypto::hmac_sha256(
      std::as_bytes(std::span(session_token.data(), session_token.size())), "csrf");
  return codec::hex({reinterpret_cast<const char*>(code.data()), code.size()});
}

std::string session_id_of(std::string_view hash) { return std::string(hash.substr(0, kIdDigits)); }

Result<std::int64_t> end_sessions(db::Tx& tx, std::int64_t account_id, std::string_view except) {
  HF_TRY(const std::vector<Row> rows, rows_of(tx, account_id));
  std::vector<std::string> gone;
  for (const Row& row : rows) {
    if (row.hash != except) gone.push_back(row.hash);
  }
  HF_CHECK(remove(tx, gone));
  return static_cast<std::int64_t>(gone.size());
}

struct Sessions::State {
  // A session in memory. Times are microseconds since 1970.
  struct Entry {
    Entry(std::string hash_in, std::int64_t account, std::int64_t last_used, std::int64_t expires)
        : hash(std::move(hash_in)),
          account_id(account),
          last_used_at(last_used),
          expires_at(expires),
          written_at(last_used) {}
    const std::string hash;
    const std::int64_t account_id;
    std::atomic<std::int64_t> last_used_at;
    std::atomic<std::int64_t> expires_at;
    std::int64_t written_at;         // last_used_at as the database has it; guarded by mutex
    std::atomic<bool> noted{false};  // is among `used`
  };

  State(db::Database& database_in, const Clock& clock_in, Random& random_in)
      : database(database_in), clock(clock_in), random(random_in) {
    session_notices = database.subscribe(
        kChangedSession, [this](std::string_view key) { entries.drop_or_clear(key); });
    settings_notices =
        database.subscribe(kChangedSessionSettings, [this](std::string_view) { settings.clear(); });
  }

  // Counts a use; nothing when the session has ended.
  std::optional<SessionUse> use(const std::shared_ptr<Entry>& entry,
                                const SessionSettings& current) {
    const Timestamp now = clock.now();
    const Timestamp expires = from_micros(entry->expires_at);
    if (now >= expires) return std::nullopt;
    if (expires - now <= current.renewal_threshold) {
      entry->expires_at = to_micros(now + current.lifetime);
    }
    entry->last_used_at = to_micros(now);
    if (!entry->noted.exchange(true)) {
      const std::lock_guard lock(mutex);
      used.push_back(entry);
    }
    return SessionUse{entry->account_id, entry->hash};
  }

  Result<std::shared_ptr<const SessionSettings>> current_settings() {
    if (auto known = settings.find("")) return *std::move(known);
    const auto ticket = settings.ticket("");
    std::shared_ptr<const SessionSettings> loaded;
    HF_CHECK(database.read([&](db::Tx& tx) -> Result<void> {
      HF_TRY(const SessionSettings stored, load_session_settings(tx));
      loaded = std::make_shared<const SessionSettings>(stored);
      return {};
    }));
    settings.insert(ticket, "", loaded);
    return loaded;
  }

  // Makes room for one more session of a user: the least recently used ones go.
  Result<void> make_room(db::Tx& tx, std::int64_t account_id, std::int64_t limit) {
    if (limit == 0) return {};
    HF_TRY(std::vector<Row> rows, rows_of(tx, account_id));
    const auto kept = static_cast<std::size_t>(limit - 1);
    if (rows.size() <= kept) return {};
    // What the database has of a use may be a minute old.
    for (Row& row : rows) {
      if (const auto entry = entries.find(row.hash)) {
        row.last_used_at = std::max(row.last_used_at, (*entry)->last_used_at.load());
      }
    }
    std::ranges::sort(rows, std::greater(), [](const Row& row) { return row.last_used_at; });
    std::vector<std::string> gone;
    for (std::size_t i = kept; i < rows.size(); ++i) gone.push_back(rows[i].hash);
    return remove(tx, gone);
  }

  db::Database& database;
  const Clock& clock;
  Random& random;
  FillCache<std::shared_ptr<Entry>> entries{kInMemory};
  FillCache<std::shared_ptr<const SessionSettings>> settings{1};
  std::mutex mutex;
  std::vector<std::shared_ptr<Entry>> used;  // since they were last written; guarded by mutex
  std::shared_ptr<void> session_notices;
  std::shared_ptr<void> settings_notices;
};

Sessions::Sessions(db::Database& database, const Clock& clock, Random& random)
    : state_(std::make_unique<State>(database, clock, random)) {}

Sessions::~Sessions() = default;

Result<StartedSession> Sessions::start(const Account& account, const events::Actor& actor) {
  StartedSession made;
  made.token = fmt::format("{}{}", kTokenPrefix, random_hex(state_->random, kTokenBytes));
  made.csrf_token = csrf_token_of(made.token);
  const std::string hash = hash_of(made.token);
  events::Actor user = actor;
  user.account_id = account.id;
  user.name = account.name;
  HF_CHECK(state_->database.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    // A password that was changed since it was compared begins nothing any more.
    HF_TRY(const auto same,
           tx.find<bool>("SELECT 1 FROM accounts WHERE id = $1 AND version = $2 "
                         "AND is_active = 1 AND kind = 0",
                         {account.id, account.version}, [](const db::Row&) { return true; }));
    if (!same) return invalid();
    HF_TRY(const SessionSettings settings, load_session_settings(tx));
    HF_CHECK(state_->make_room(tx, account.id, settings.per_user_limit));
    const Timestamp now = state_->clock.now();
    made.expires_at = now + settings.lifetime;
    HF_CHECK(
        tx.execute("INSERT INTO sessions (hash, account_id, created_at, last_used_at, expires_at, "
                   "address, client) VALUES ($1, $2, $3, $3, $4, $5, $6)",
                   {hash, account.id, to_micros(now), to_micros(made.expires_at), actor.address,
                    actor.client}));
    return events::append(tx, event_of(events::Type::session_started, account.name, user, now));
  }));
  return made;
}

std::optional<SessionUse> Sessions::remembered(std::string_view token) {
  const auto entry = state_->entries.find(hash_of(token));
  const auto settings = state_->settings.find("");
  if (!entry || !settings) return std::nullopt;
  return state_->use(*entry, **settings);
}

Result<SessionUse> Sessions::verify(std::string_view token) {
  if (!is_session_token(token)) return invalid();
  if (auto known = remembered(token)) return *std::move(known);
  HF_TRY(const auto settings, state_->current_settings());
  const std::string hash = hash_of(token);
  const auto ticket = state_->entries.ticket(hash);
  std::shared_ptr<State::Entry> entry;
  HF_CHECK(state_->database.read([&](db::Tx& tx) -> Result<void> {
    HF_TRY(const auto found,
           tx.find<std::shared_ptr<State::Entry>>(
               "SELECT account_id, last_used_at, expires_at FROM sessions WHERE hash = $1", {hash},
               [&](const db::Row& row) {
                 return std::make_shared<State::Entry>(hash, row.integer(0), row.integer(1),
                                                       row.integer(2));
               }));
    entry = found.value_or(nullptr);
    return {};
  }));
  if (!entry) return invalid();
  auto use = state_->use(entry, *settings);
  if (!use) return invalid();
  state_->entries.insert(ticket, hash, entry);
  return *std::move(use);
}

Result<std::vector<Session>> Sessions::list(const Account& user, std::string_view start,
                                            std::int64_t limit) {
  std::vector<Session> sessions;
  HF_CHECK(state_->database.read([&](db::Tx& tx) -> Result<void> {
    sessions.clear();
    return tx.query(
        "SELECT hash, created_at, last_used_at, expires_at, address, client FROM sessions "
        "WHERE account_id = $1 AND hash >= $2 AND expires_at > $3 ORDER BY hash LIMIT $4",
        {user.id, start, to_micros(state_->clock.now()), limit},
        [&](const db::Row& row) -> Result<void> {
          sessions.push_back({session_id_of(row.text(0)), from_micros(row.integer(1)),
                              from_micros(row.integer(2)), from_micros(row.integer(3)),
                              row.string(4), row.string(5)});
          return {};
        });
  }));
  return sessions;
}

Result<void> Sessions::end(const Account& user, std::string_view id, const events::Actor& actor) {
  return state_->database.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    // Hashes that begin with an id lie from it to before the letter behind the last hex digit.
    HF_TRY(const auto hash,
           tx.find<std::string>("SELECT hash FROM sessions WHERE account_id = $1 AND hash >= $2 "
                                "AND hash < $3",
                                {user.id, id, fmt::format("{}g", id)},
                                [](const db::Row& row) { return row.string(0); }));
    if (!hash || id.size() != kIdDigits) {
      return fail(ErrorCode::not_found, kSessionUnknown,
                  fmt::format("{} has no session {}", user.name, id));
    }
    HF_CHECK(remove(tx, {*hash}));
    events::Event event =
        event_of(events::Type::session_ended, user.name, actor, state_->clock.now());
    event.detail = id;
    return events::append(tx, event);
  });
}

Result<void> Sessions::end_all(const Account& user, const events::Actor& actor) {
  return state_->database.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_TRY(const std::int64_t ended, end_sessions(tx, user.id));
    if (ended == 0) return {};
    events::Event event =
        event_of(events::Type::session_ended, user.name, actor, state_->clock.now());
    event.count = ended;
    event.detail = "all";
    return events::append(tx, event);
  });
}

Result<SessionSettings> Sessions::settings() {
  HF_TRY(const auto current, state_->current_settings());
  return *current;
}

Result<void> Sessions::set_settings(const SessionSettings& settings, const events::Actor& actor) {
  HF_CHECK(check_session_settings(settings));
  return state_->database.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(store_session_settings(tx, settings));
    events::Event event =
        event_of(events::Type::session_settings_updated, "sessions", actor, state_->clock.now());
    event.detail = fmt::format("lifetime {} min, renewal threshold {} min, {} per user",
                               settings.lifetime.count(), settings.renewal_threshold.count(),
                               settings.per_user_limit);
    return events::append(tx, event);
  });
}

Result<void> Sessions::flush(Flush which) {
  const std::int64_t now = to_micros(state_->clock.now());
  std::vector<std::shared_ptr<State::Entry>> batch;
  {
    const std::lock_guard lock(state_->mutex);
    const auto waiting = std::ranges::partition(state_->used, [&](const auto& entry) {
      return which == Flush::due && now - entry->written_at < kWriteEvery;
    });
    batch.assign(waiting.begin(), waiting.end());
    state_->used.erase(waiting.begin(), waiting.end());
    for (const auto& entry : batch) {
      entry->written_at = now;
      entry->noted = false;  // a use from here on is written the next time
    }
  }
  if (batch.empty()) return {};
  Result<void> written =
      state_->database.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
        for (const auto& entry : batch) {
          // Another replica may have written a later use.
          HF_CHECK(
              tx.execute("UPDATE sessions SET last_used_at = $2, expires_at = CASE WHEN "
                         "expires_at > $3 THEN expires_at ELSE $3 END "
                         "WHERE hash = $1 AND last_used_at < $2",
                         {entry->hash, entry->last_used_at.load(), entry->expires_at.load()}));
        }
        return {};
      });
  if (!written) {
    const std::lock_guard lock(state_->mutex);
    for (auto& entry : batch) {
      if (!entry->noted.exchange(true)) state_->used.push_back(std::move(entry));
    }
  }
  return written;
}

Result<std::int64_t> Sessions::sweep() {
  std::int64_t swept = 0;
  HF_CHECK(state_->database.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
    // Not at once: another replica may be about to write that it was prolonged.
    HF_TRY(swept, tx.execute("DELETE FROM sessions WHERE expires_at < $1",
                             {to_micros(state_->clock.now() - std::chrono::hours(1))}));
    return {};
  }));
  return swept;
}

}  // namespace holdfast::accounts
