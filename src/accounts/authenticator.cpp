#include "accounts/authenticator.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <list>
#include <mutex>
#include <semaphore>
#include <string>
#include <thread>
#include <unordered_map>

#include "base/log.hpp"
#include "codec/text.hpp"
#include "crypto/foreign_hash.hpp"
#include "crypto/secret.hpp"

namespace holdfast::accounts {

namespace {

constexpr std::chrono::seconds kRemembered{60};
constexpr std::chrono::hours kKnownPlace{24};
constexpr std::chrono::seconds kLongestWait{300};
constexpr std::chrono::hours kForgiven{1};  // without a failure
constexpr int kFreePerAccount = 5;
constexpr int kFreePerAddress = 20;
constexpr std::size_t kRecords = 100'000;
constexpr std::size_t kPasswordLimitBytes = 1024;

// Values by key, the least recently used forgotten first.
template <typename Value>
class Bounded {
 public:
  Value* find(const std::string& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    order_.splice(order_.begin(), order_, found->second);
    return &found->second->second;
  }
  Value& at(const std::string& key) {
    if (Value* known = find(key)) return *known;
    order_.emplace_front(key, Value{});
    index_[key] = order_.begin();
    if (order_.size() > kRecords) {
      index_.erase(order_.back().first);
      order_.pop_back();
    }
    return order_.front().second;
  }
  void erase(const std::string& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return;
    order_.erase(found->second);
    index_.erase(found);
  }

 private:
  std::list<std::pair<std::string, Value>> order_;
  std::unordered_map<std::string, typename decltype(order_)::iterator> index_;
};

struct Failures {
  int count = 0;
  Timestamp last;
  Timestamp wait_until;
};

struct Remembered {
  std::int64_t account_id = 0;
  std::int64_t version = 0;
  Timestamp until;
};

// One second after the free tries, doubling.
void count_failure(Failures& failures, int free, Timestamp now) {
  if (now - failures.last > kForgiven) failures.count = 0;
  failures.last = now;
  const int beyond = ++failures.count - free;
  if (beyond <= 0) return;
  const std::chrono::seconds wait{std::int64_t{1} << std::min(beyond - 1, 16)};
  failures.wait_until = now + std::min(wait, kLongestWait);
}

// IPv6 customers have a /64 each: its first four groups count as one address.
std::string network_of(const std::string& address) {
  std::size_t at = 0;
  for (int group = 0; group < 4; ++group) {
    at = address.find(':', at);
    if (at == std::string::npos) return address;
    ++at;
  }
  return address.substr(0, at);
}

// A name that anybody gave, fit to be stored: one event that no database takes would hold up all.
std::string printable(std::string text) {
  std::ranges::replace_if(text, [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return text;
}

}  // namespace

struct Authenticator::State {
  State(Accounts& accounts_in, events::Counted& counted_in, const Clock& clock_in, Random& random)
      : accounts(accounts_in), counted(counted_in), clock(clock_in) {
    random.fill(key);
  }

  [[nodiscard]] std::string remembered_key(std::string_view name, std::string_view password) const {
    const auto code = crypto::hmac_sha256(key, fmt::format("{}:{}{}", name.size(), name, password));
    return {reinterpret_cast<const char*>(code.data()), code.size()};
  }

  // Seconds to wait before the next try; 0: none.
  std::int64_t wait(const std::string& name, const std::string& address, Timestamp now) {
    const std::lock_guard lock(mutex);
    Timestamp until;
    if (const Failures* failures = by_address.find(network_of(address)))
      until = failures->wait_until;
    // Where the right password came from lately, strangers' failures do not count: guessing at an
    // account must not lock its owner out.
    const Timestamp* seen = known_places.find(name + "\n" + address);
    const bool known = seen != nullptr && now - *seen < kKnownPlace;
    if (const Failures* failures = by_name.find(name); failures != nullptr && !known) {
      until = std::max(until, failures->wait_until);
    }
    if (until <= now) return 0;
    return std::chrono::ceil<std::chrono::seconds>(until - now).count();
  }

  // kTooManyFailures while the next try must wait.
  Result<void> admit(const std::string& name, const std::string& address, Timestamp now) {
    const std::int64_t seconds = wait(name, address, now);
    if (seconds == 0) return {};
    return fail(ErrorCode::rate_limited, kTooManyFailures,
                fmt::format("too many failed logins: try again in {} s", seconds),
                {std::to_string(seconds)});
  }

  // Counts a failure; without a name of the address alone.
  Error failed(const std::string& name, const events::Actor& actor, Timestamp now) {
    {
      const std::lock_guard lock(mutex);
      if (!name.empty()) count_failure(by_name.at(name), kFreePerAccount, now);
      count_failure(by_address.at(network_of(actor.address)), kFreePerAddress, now);
    }
    events::Event event;
    event.type = events::Type::login_failed;
    event.actor.address = actor.address;
    event.actor.client = actor.client;
    event.object = printable(name.substr(0, 64));
    counted.record(std::move(event));
    return fail(ErrorCode::unauthenticated, kCredentialsWrong,
                "the user name or the password is wrong");
  }

  Accounts& accounts;
  events::Counted& counted;
  const Clock& clock;
  std::array<std::byte, 32> key{};
  const std::string nobody_hash = crypto::unmatched_password_hash();
  std::counting_semaphore<1024> cores{
      static_cast<std::ptrdiff_t>(std::max(1U, std::thread::hardware_concurrency()))};

  std::mutex mutex;  // guards what follows
  Bounded<Failures> by_name;
  Bounded<Failures> by_address;
  Bounded<Timestamp> known_places;
  Bounded<Remembered> remembered;
};

Authenticator::Authenticator(Accounts& accounts, events::Counted& counted, const Clock& clock,
                             Random& random)
    : state_(std::make_unique<State>(accounts, counted, clock, random)) {}

Authenticator::~Authenticator() = default;

std::optional<std::int64_t> Authenticator::remembered(std::string_view name,
                                                      std::string_view password) {
  const std::string key = state_->remembered_key(name, password);
  Remembered found;
  {
    const std::lock_guard lock(state_->mutex);
    const Remembered* entry = state_->remembered.find(key);
    if (entry == nullptr) return std::nullopt;
    found = *entry;
  }
  if (state_->clock.now() >= found.until) return std::nullopt;
  const auto subject = state_->accounts.cached_subject(found.account_id);
  if (!subject || subject->version != found.version || !subject->is_active) return std::nullopt;
  return found.account_id;
}

// What cannot be written now is tried with the next login: that must not keep anybody out.
void Authenticator::renew(const Account& account, std::string_view hash, std::string_view password,
                          const events::Actor& actor) {
  const auto renewed = state_->accounts.renew_hash(account, hash, password, actor);
  if (renewed) return;
  log::error("an imported password keeps its old hash", {{"error", describe(renewed.error())}});
}

Result<Account> Authenticator::authenticate(std::string_view name, std::string_view password,
                                            const events::Actor& actor) {
  if (const auto id = remembered(name, password)) return state_->accounts.find(*id);
  const Timestamp now = state_->clock.now();
  const std::string account_name(name.substr(0, 256));
  HF_CHECK(state_->admit(account_name, actor.address, now));
  std::optional<Accounts::Credentials> credentials;
  if (codec::is_text(name)) {
    HF_TRY(credentials, state_->accounts.credentials(name));
  }
  // One argon2id run whatever the name, one that was imported without a password too: the time
  // tells nothing.
  const bool has_hash = credentials && !credentials->password_hash.empty();
  const std::string& hash = has_hash ? credentials->password_hash : state_->nobody_hash;
  const bool is_foreign = crypto::is_foreign_hash(hash);
  const std::string_view tried = password.substr(0, kPasswordLimitBytes);
  state_->cores.acquire();
  const bool matches =
      is_foreign ? crypto::verify_foreign_hash(tried, hash) : crypto::verify_password(tried, hash);
  state_->cores.release();
  const bool good = matches && password.size() <= kPasswordLimitBytes && has_hash &&
                    credentials->account.is_active;
  if (!good) return state_->failed(account_name, actor, now);
  if (is_foreign) renew(credentials->account, hash, password, actor);
  const std::string key = state_->remembered_key(name, password);
  const std::lock_guard lock(state_->mutex);
  state_->by_name.erase(account_name);
  state_->known_places.at(account_name + "\n" + actor.address) = now;
  state_->remembered.at(key) = {credentials->account.id, credentials->account.version,
                                now + kRemembered};
  return credentials->account;
}

Error Authenticator::refuse(const events::Actor& actor) {
  const Timestamp now = state_->clock.now();
  const auto admitted = state_->admit({}, actor.address, now);
  return admitted ? state_->failed({}, actor, now) : admitted.error();
}

}  // namespace holdfast::accounts
