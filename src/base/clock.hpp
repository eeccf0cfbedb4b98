// Time as the product sees it; tests bring their own.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast {

// A moment in UTC, in microseconds: what the database stores and the APIs print.
using Timestamp = std::chrono::sys_time<std::chrono::microseconds>;

// Where the time comes from. Safe to call from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Timestamp now() const = 0;
};

// The machine's clock.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override;
};

// A clock that tests turn by hand.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp start) : now_(start) {}
  [[nodiscard]] Timestamp now() const override;
  void advance(std::chrono::microseconds by);

 private:
  // Not an atomic<shared_ptr>: one word, read by any thread.
  std::atomic<Timestamp> now_;
};

// "2026-11-24T04:31:30.123456Z" (RFC 3339, UTC, microseconds).
std::string rfc3339(Timestamp when);
// The moment of an RFC 3339 text, with any offset; digits beyond microseconds are cut. Nothing for
// anything else.
std::optional<Timestamp> parse_rfc3339(std::string_view text);
// "Tue, 24 Nov 2026 04:31:30 GMT" (RFC 9110 section 5.6.7).
std::string http_date(Timestamp when);

// Microseconds since 1970 as a column holds them, and back.
constexpr std::int64_t to_micros(Timestamp when) { return when.time_since_epoch().count(); }
constexpr Timestamp from_micros(std::int64_t micros) {
  return Timestamp{std::chrono::microseconds{micros}};
}

}  // namespace holdfast
