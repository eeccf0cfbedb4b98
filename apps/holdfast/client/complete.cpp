#include "client/complete.hpp"

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "client/layout.hpp"
#include "client/session.hpp"
#include "codec/json.hpp"

namespace holdfast::client {

namespace {

constexpr int kNames = 100;

// A page that begins with `start` has all that begin so, up to its size: lists are in order of
// names.
void add(std::vector<std::string>& names, Session& session, const std::string& start,
         const std::string& target, std::string_view rows, const Column& name) {
  const auto answer = session.call(Method::get, target + percent_encoded(start), {});
  const boost::json::value* list = answer ? codec::member(*answer, rows) : nullptr;
  if (list == nullptr || !list->is_array()) return;
  for (const boost::json::value& row : list->get_array()) {
    std::string text = cell(row, name, Timestamp());
    if (text.starts_with(start)) names.push_back(std::move(text));
  }
}

}  // namespace

std::vector<std::string> known_names(std::string_view argument, const std::string& start) {
  std::vector<std::string> names;
  const bool repositories = argument.find("REPO") != std::string_view::npos;
  const bool organizations = argument.starts_with("ORG");
  const bool users = argument == "USER";
  if (!repositories && !organizations && !users) return names;
  auto session = open_session({});
  if (!session) return names;
  if (repositories) {
    add(names, *session, start, fmt::format("/api/v0/repositories?pageSize={}&pageStart=", kNames),
        "repositories", {"", "namespace/name"});
  }
  if (organizations || users) {
    add(names, *session, start,
        fmt::format("/enzi/v0/accounts?filter={}&limit={}&start=", users ? "users" : "orgs",
                    kNames),
        "accounts", {"", "name"});
  }
  return names;
}

}  // namespace holdfast::client
