#include "api/common/limits.hpp"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <list>
#include <mutex>
#include <optional>
#include <unordered_map>

namespace holdfast::api {

namespace {

constexpr std::size_t kShards = 16;
constexpr std::size_t kBucketsPerShard = 4096;
constexpr double kBurstSeconds = 2;

// Requests per second by key, as token buckets. When there are more keys than fit, the one that was
// quiet for longest starts anew.
class Rates {
 public:
  explicit Rates(std::uint32_t per_second) : per_second_(per_second) {}

  // Nothing, or after how many seconds the next request may come.
  std::optional<std::int64_t> take(std::string_view key, Timestamp now) {
    if (per_second_ == 0) return std::nullopt;
    Shard& shard = shards_[std::hash<std::string_view>{}(key) % kShards];
    const std::lock_guard lock(shard.mutex);
    Bucket& bucket = find(shard, key, now);
    // A clock that goes back gives nothing and takes nothing.
    const double passed = std::max(0.0, std::chrono::duration<double>(now - bucket.at).count());
    bucket.left = std::min(burst(), bucket.left + passed * per_second_);
    bucket.at = now;
    if (bucket.left >= 1) {
      bucket.left -= 1;
      return std::nullopt;
    }
    return 1;
  }

 private:
  struct Bucket {
    std::string key;
    double left = 0;
    Timestamp at;
  };
  struct Shard {
    std::mutex mutex;
    std::list<Bucket> order;  // most recent first
    std::unordered_map<std::string_view, std::list<Bucket>::iterator> index;
  };
  [[nodiscard]] double burst() const { return kBurstSeconds * per_second_; }

  Bucket& find(Shard& shard, std::string_view key, Timestamp now) {
    if (const auto found = shard.index.find(key); found != shard.index.end()) {
      shard.order.splice(shard.order.begin(), shard.order, found->second);
      return shard.order.front();
    }
    if (shard.order.size() >= kBucketsPerShard) {
      shard.index.erase(shard.order.back().key);
      shard.order.pop_back();
    }
    shard.order.push_front({std::string(key), burst(), now});
    shard.index.emplace(shard.order.front().key, shard.order.begin());
    return shard.order.front();
  }

  const std::uint32_t per_second_;
  std::array<Shard, kShards> shards_;
};

Error refused(std::string_view reason, std::int64_t seconds, std::string_view what) {
  return fail(ErrorCode::rate_limited, reason, fmt::format("{}: try again in {} s", what, seconds),
              {std::to_string(seconds)});
}

}  // namespace

struct Limits::State {
  State(LimitSettings settings_in, const Clock& clock_in)
      : settings(settings_in),
        clock(clock_in),
        addresses(settings_in.requests_per_address),
        users(settings_in.requests_per_user) {}

  struct Uploading {
    std::uint32_t requests = 0;
    std::uint64_t bytes = 0;
  };
  const LimitSettings settings;
  const Clock& clock;
  Rates addresses;
  Rates users;
  std::mutex mutex;  // guards uploading
  std::unordered_map<std::int64_t, Uploading> uploading;
  std::array<std::atomic<std::uint64_t>, kLimits> met{};
};

Limits::Limits(LimitSettings settings, const Clock& clock)
    : state_(std::make_unique<State>(settings, clock)) {}
Limits::~Limits() = default;

Result<void> Limits::admit_address(std::string_view address) {
  const auto wait = state_->addresses.take(address, state_->clock.now());
  if (!wait) return {};
  note(Limit::requests_per_address);
  return refused(kTooManyRequests, *wait, "too many requests from your address");
}

Result<void> Limits::admit_user(std::int64_t account_id) {
  if (state_->settings.requests_per_user == 0) return {};
  const auto wait = state_->users.take(std::to_string(account_id), state_->clock.now());
  if (!wait) return {};
  note(Limit::requests_per_user);
  return refused(kTooManyRequests, *wait, "too many requests by this user");
}

Result<Limits::Upload> Limits::begin_upload(std::int64_t account_id) {
  const std::lock_guard lock(state_->mutex);
  State::Uploading& uploading = state_->uploading[account_id];
  const std::uint32_t most = state_->settings.uploads_per_user;
  if (most > 0 && uploading.requests >= most) {
    note(Limit::uploads_per_user);
    return refused(kTooManyUploads, 5, fmt::format("{} uploads of this user are under way", most));
  }
  ++uploading.requests;
  return Upload(*this, account_id);
}

Result<void> Limits::Upload::received(std::uint64_t bytes) {
  State& state = *limits_->state_;
  const std::uint64_t most = state.settings.upload_bytes_per_user;
  if (most == 0) return {};
  const std::lock_guard lock(state.mutex);
  State::Uploading& uploading = state.uploading[account_id_];
  if (uploading.bytes + bytes > most) {
    limits_->note(Limit::upload_bytes_per_user);
    return refused(kTooManyBytes, 30,
                   fmt::format("the uploads of this user hold {} bytes together", most));
  }
  uploading.bytes += bytes;
  bytes_ += bytes;
  return {};
}

Limits::Upload::~Upload() {
  if (limits_ == nullptr) return;
  State& state = *limits_->state_;
  const std::lock_guard lock(state.mutex);
  const auto found = state.uploading.find(account_id_);
  if (found == state.uploading.end()) return;
  found->second.bytes -= bytes_;
  if (--found->second.requests == 0) state.uploading.erase(found);
}

void Limits::note(Limit limit) {
  state_->met.at(static_cast<std::size_t>(limit)).fetch_add(1, std::memory_order_relaxed);
}

std::array<Limits::Met, kLimits> Limits::met() const {
  constexpr std::array<std::string_view, kLimits> kSettings = {"requests_per_address",
                                                               "requests_per_user",
                                                               "uploads_per_user",
                                                               "upload_bytes_per_user",
                                                               "manifest",
                                                               "blob",
                                                               "tags"};
  std::array<Met, kLimits> all{};
  for (std::size_t i = 0; i < kLimits; ++i) all.at(i) = {kSettings.at(i), state_->met.at(i).load()};
  return all;
}

}  // namespace holdfast::api
