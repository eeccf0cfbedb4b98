#include "db/changes.hpp"

#include <mutex>
#include <utility>

namespace holdfast::db {

std::shared_ptr<void> Changes::subscribe(std::string_view topic, OnChange on_change) {
  const std::unique_lock lock(mutex_);
  const std::uint64_t number = ++next_;
  subscribers_.emplace(number, Subscriber{std::string(topic), std::move(on_change)});
  return {this, [number](Changes* self) {
            const std::unique_lock end(self->mutex_);
            self->subscribers_.erase(number);
          }};
}

void Changes::deliver(std::span<const Change> changes) {
  if (changes.empty()) return;
  const std::shared_lock lock(mutex_);
  for (const Change& change : changes) {
    for (const auto& [number, subscriber] : subscribers_) {
      if (subscriber.topic == change.topic) subscriber.on_change(change.key);
    }
  }
}

void Changes::deliver_all() {
  const std::shared_lock lock(mutex_);
  for (const auto& [number, subscriber] : subscribers_) subscriber.on_change({});
}

}  // namespace holdfast::db
