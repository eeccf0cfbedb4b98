// /_ping, /health, /ca, /metrics.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "api/ops/metrics.hpp"
#include "async/pool.hpp"
#include "blob/store.hpp"
#include "db/database.hpp"
#include "http/message.hpp"
#include "jobs/queue.hpp"
#include "net/address.hpp"

namespace holdfast::api::ops {

// What becomes of scans at this server.
struct Scanner {
  bool is_able = false;                                  // the worker can be shut in
  bool is_on = false;                                    // by the settings
  std::optional<std::chrono::seconds> advisories_age{};  // nothing: there are none
};

struct Services {
  db::Database& database;
  blob::Store& blobs;
  Metrics& metrics;
  async::BlockingPool& pool;
  const Limits& limits;
  std::function<http::Counters()> counters;
  jobs::Queue& jobs;
  std::function<Scanner()> scanner;  // blocks
};

enum class MetricsAccess { off, on };

struct Settings {
  std::string ca_pem;  // empty: certificates come from elsewhere
  MetricsAccess metrics = MetricsAccess::on;
  std::vector<net::Network> metrics_allow;
};

// Safe from any loop.
class Ops {
 public:
  Ops(Services services, Settings settings);
  boost::asio::awaitable<http::Response> handle(http::Request& request, http::Body& body);

 private:
  boost::asio::awaitable<http::Response> health();
  [[nodiscard]] http::Response ca() const;
  boost::asio::awaitable<http::Response> metrics(const http::Request& request);

  Services services_;
  Settings settings_;
};

}  // namespace holdfast::api::ops
