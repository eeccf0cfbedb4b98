// Who wants to hear of changes (Tx::changed): what drivers share.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>

namespace holdfast::db {

struct Change {
  std::string topic;
  std::string key;
};

// Threads: any. Outlives its subscriptions.
class Changes {
 public:
  using OnChange = std::function<void(std::string_view key)>;

  std::shared_ptr<void> subscribe(std::string_view topic, OnChange on_change);
  void deliver(std::span<const Change> changes);
  // Anything may have changed.
  void deliver_all();

 private:
  struct Subscriber {
    std::string topic;
    OnChange on_change;
  };
  std::shared_mutex mutex_;  // held shared while a subscriber is called: its handle waits for that
  std::uint64_t next_ = 0;
  std::map<std::uint64_t, Subscriber> subscribers_;
};

}  // namespace holdfast::db
