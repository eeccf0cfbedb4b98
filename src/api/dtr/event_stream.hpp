// /holdfast/events/stream: events as they happen (server-sent events).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "api/dtr/handlers.hpp"
#include "events/feed.hpp"
#include "events/history.hpp"

namespace holdfast::api::dtr {

inline constexpr std::string_view kTooManyStreams = "too_many_streams";  // rate_limited

// What all streams of this server share. Threads: any.
class EventStreams : public std::enable_shared_from_this<EventStreams> {
 public:
  explicit EventStreams(const Services& services)
      : services_(services), feed_(services.database, services.clock) {}

  // Answers a request for a stream. Blocks. kTooManyStreams beyond kPerUser or kInAll.
  Answer open(const Call& call);

  static constexpr int kPerUser = 10;
  static constexpr int kInAll = 1000;

 private:
  class Place;   // counts a stream as long as it is there
  class Stream;  // one reader

  const Services services_;
  events::Feed feed_;
  std::mutex mutex_;
  std::map<std::int64_t, int> open_;  // by account; guarded by mutex_
  int open_in_all_ = 0;               // guarded by mutex_
};

}  // namespace holdfast::api::dtr
