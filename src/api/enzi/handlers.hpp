// The handlers of eNZi, one file per noun, and what they share.
#pragma once

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <string>
#include <string_view>
#include <vector>

#include "api/enzi/enzi.hpp"
#include "api/rest/accounts.hpp"
#include "api/rest/call.hpp"
#include "api/rest/router.hpp"

namespace holdfast::api::enzi {

using Answer = Result<http::Response>;
using rest::bound;
using rest::Call;
using rest::shown;

// accounts.cpp, members.cpp, teams.cpp, sessions.cpp, jobs.cpp (with workers)
std::vector<rest::Route> account_routes(const Services& services);
std::vector<rest::Route> member_routes(const Services& services);
std::vector<rest::Route> team_routes(const Services& services);
std::vector<rest::Route> session_routes(const Services& services);
std::vector<rest::Route> job_routes(const Services& services);
// bulk.cpp, public_keys.cpp, services.cpp, config.cpp, imports.cpp
std::vector<rest::Route> bulk_routes(const Services& services);
std::vector<rest::Route> public_key_routes(const Services& services);
std::vector<rest::Route> service_routes(const Services& services);
std::vector<rest::Route> config_routes(const Services& services);
std::vector<rest::Route> import_routes(const Services& services);

// Deletes an account for an administrator (asked before), who cannot delete the one in use.
Result<void> remove_account(const Services& services, const Call& call,
                            const accounts::Account& account);

// Of a list: `start` and `limit`, and one row more than asked for to see whether a page follows.
struct Page {
  std::string start;
  std::int64_t limit = 10;
};
Result<Page> page_of(const Call& call);
Result<accounts::MemberQuery> member_query(const Call& call);

// The page as eNZi gives it: {"<name>":[…], …, "nextPageStart":""}. `rows` has up to limit + 1
// rows; `key_of` gives the start that would begin a page with a row.
template <typename Row, typename Show, typename Key>
http::Response page_response(std::string_view name, const std::vector<Row>& rows,
                             std::int64_t limit, const boost::json::object& totals,
                             const Show& show, const Key& key_of) {
  const auto count = std::min(rows.size(), static_cast<std::size_t>(limit));
  const std::string next = rows.size() > count ? std::string(key_of(rows[count])) : std::string();
  // A client that asks for all at once costs their text alone.
  std::string text = fmt::format(R"({{"{}":[)", name);
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) text += ',';
    text += boost::json::serialize(show(rows[i]));
  }
  boost::json::object rest_of_it = totals;
  rest_of_it.emplace("nextPageStart", next);
  text += "]," + boost::json::serialize(rest_of_it).substr(1);
  http::Response response = rest::json_text_response(200, std::move(text));
  if (!next.empty()) response.field("X-Next-Page-Start", next);
  return response;
}

}  // namespace holdfast::api::enzi
