// What one user or one address may ask for at a time.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace holdfast::api {

inline constexpr std::string_view kTooManyRequests =
    "too_many_requests";  // rate_limited; details[0]: seconds to wait
inline constexpr std::string_view kTooManyUploads = "too_many_uploads";  // as before
inline constexpr std::string_view kTooManyBytes = "too_many_bytes";      // as before

// Each 0 means no limit.
struct LimitSettings {
  std::uint32_t requests_per_address = 0;   // a second; twice as many may come in a burst
  std::uint32_t requests_per_user = 0;      // a second; as before
  std::uint32_t uploads_per_user = 0;       // requests with a blob's body under way
  std::uint64_t upload_bytes_per_user = 0;  // that those have received
};

enum class Limit : std::uint8_t {
  requests_per_address,
  requests_per_user,
  uploads_per_user,
  upload_bytes_per_user,
  manifest,
  blob,
  tags,
};
inline constexpr std::size_t kLimits = 7;

// Kept in memory, for this replica. Threads: any; nothing blocks but for a moment.
class Limits {
 public:
  Limits(LimitSettings settings, const Clock& clock);
  ~Limits();

  // Counts a request. kTooManyRequests when the address, or the user, has had its share.
  Result<void> admit_address(std::string_view address);
  Result<void> admit_user(std::int64_t account_id);

  // A request with a blob's body, from its begin to its end.
  class Upload {
   public:
    Upload(Upload&& other) noexcept
        : limits_(std::exchange(other.limits_, nullptr)),
          account_id_(other.account_id_),
          bytes_(other.bytes_) {}
    Upload& operator=(Upload&&) = delete;
    ~Upload();
    // kTooManyBytes when the user's uploads hold too many bytes with these.
    Result<void> received(std::uint64_t bytes);

   private:
    friend class Limits;
    Upload(Limits& limits, std::int64_t account_id) : limits_(&limits), account_id_(account_id) {}
    Limits* limits_;
    std::int64_t account_id_;
    std::uint64_t bytes_ = 0;
  };
  // kTooManyUploads.
  Result<Upload> begin_upload(std::int64_t account_id);

  // Counts that a limit was met which is enforced elsewhere.
  void note(Limit limit);
  // How often each limit was met, by the name of its setting, for the metrics.
  struct Met {
    std::string_view setting;
    std::uint64_t times = 0;
  };
  [[nodiscard]] std::array<Met, kLimits> met() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::api
