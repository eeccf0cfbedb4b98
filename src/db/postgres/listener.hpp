// Hears what other replicas changed: LISTEN on a connection and a thread of its own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "db/changes.hpp"

namespace holdfast::db::postgres {

// The channel of NOTIFY. A payload is "<replica>/<topic>/<key>".
inline constexpr const char* kChannel = "holdfast_changes";

// Delivers the changes of others to `changes`. While it hears nothing because the connection is
// lost, everything counts as changed, several times a second.
class Listener {
 public:
  Listener(std::string url, std::string replica, Changes& changes);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

 private:
  void run();
  // Until the connection is lost or the end.
  void listen();
  bool pause(std::chrono::milliseconds time);

  const std::string url_;
  const std::string replica_;
  Changes& changes_;
  std::mutex mutex_;
  std::condition_variable ends_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace holdfast::db::postgres
