// From method and path to a handler that runs on the pool.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/common/caller.hpp"
#include "api/rest/call.hpp"
#include "async/pool.hpp"
#include "http/message.hpp"
#include "settings/store.hpp"

namespace holdfast::api::rest {

// Blocks as it likes; an error becomes a response by error_response().
using Handler = std::function<Result<http::Response>(const Call&)>;

// What becomes of a request other than GET while the registry is in read-only mode: refused, but
// for logging in and for the settings, which end it.
enum class WhileReadOnly { refused, served };

// Whom a route lets in before its handler decides.
enum class Gate : std::uint8_t {
  // Whoever the credential says. A session whose user must change the password first is refused
  // (denied/kPasswordChangeNeeded); passwords and tokens are not, as a first `docker login` with
  // the password that start-up printed must work.
  ordinary,
  // Such a session as well: what it needs to change the password.
  unsettled,
  // Anybody, and no credential is looked at: a login. The body is JSON or a form.
  login,
  // Administrators only, decided before the body is read.
  administrator,
};

struct Route {
  http::Method method;
  std::string_view pattern;  // "/accounts/{account}/teams": a segment in braces takes any text
  Handler handler;
  WhileReadOnly while_read_only = WhileReadOnly::refused;
  Gate gate = Gate::ordinary;
  // Not empty: the body is a file, whatever its type, kept below this folder while it is handled.
  std::string file_folder{};
};

// A handler with the services of its module, which are references.
template <typename Services>
Handler bound(const Services& services,
              Result<http::Response> (*handler)(const Services&, const Call&)) {
  return [services, handler](const Call& call) { return handler(services, call); };
}

// A handler that tells whoever is logged in that this is not there: unsupported/kNotBuilt with a
// sentence, which outlives it.
Handler not_built(std::string_view sentence);

// The routes of several nouns, in the given order.
std::vector<Route> joined(std::initializer_list<std::vector<Route>> nouns);

// Where a path leads, for one method.
struct Match {
  const Route* route = nullptr;         // null: no such path, or not with this method
  std::vector<std::string> parameters;  // decoded
  std::string allowed;                  // the methods of this path: "GET, PUT"; empty: no such path
};

// Trailing slashes mean nothing. Of two patterns that fit, the one that was given first is taken.
class RouteTable {
 public:
  explicit RouteTable(std::vector<Route> routes);
  [[nodiscard]] Match match(http::Method method, std::string_view path) const;

 private:
  std::vector<Route> routes_;
  std::vector<std::vector<std::string_view>> segments_;  // of each route's pattern
};

// Answers what lies below a prefix. Safe from any loop.
class Router {
 public:
  // `name` is the route in log and metrics.
  Router(std::string_view name, std::vector<Route> routes, Callers& callers,
         settings::Store& settings, async::BlockingPool& pool)
      : name_(name),
        table_(std::move(routes)),
        callers_(callers),
        settings_(settings),
        pool_(pool) {}
  // `path` is what follows the prefix.
  boost::asio::awaitable<http::Response> handle(http::Request& request, http::Body& body,
                                                std::string_view path);

 private:
  boost::asio::awaitable<Result<void>> check_writable(const Route& route);
  boost::asio::awaitable<Result<Spool>> spool(const Route& route, http::Body& body);
  boost::asio::awaitable<Result<Caller>> admit(http::Request& request, const Match& match,
                                               std::string_view access_token);

  std::string_view name_;
  RouteTable table_;
  Callers& callers_;
  settings::Store& settings_;
  async::BlockingPool& pool_;
};

}  // namespace holdfast::api::rest
