// The handlers of eNZi, one file per noun, and what they share.
#pragma once

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/enzi/enzi.hpp"
#include "api/rest/call.hpp"

namespace holdfast::api::enzi {

using Answer = Result<http::Response>;
using rest::Call;

inline rest::Handler bound(const Services& services,
                           Answer (*handler)(const Services&, const Call&)) {
  return [services, handler](const Call& call) { return handler(services, call); };
}

// accounts.cpp, members.cpp, teams.cpp
std::vector<rest::Route> account_routes(const Services& services);
std::vector<rest::Route> member_routes(const Services& services);
std::vector<rest::Route> team_routes(const Services& services);

// An account by name, by id, or by "id:" and id. Finding one is for whoever is logged in.
Result<accounts::Account> find_account(const Services& services, const Call& call,
                                       std::string_view reference);
Result<accounts::Account> find_user(const Services& services, const Call& call,
                                    std::string_view reference);
Result<accounts::Account> find_organization(const Services& services, const Call& call,
                                            std::string_view reference);
// What the path says of a team, without "id:".
std::string_view team_reference(std::string_view reference);

// Conditions on an organization: its owners, or whoever belongs to it; administrators always.
Result<void> need_owner(const Call& call, const accounts::Account& organization);
Result<void> need_member(const Call& call, const accounts::Account& organization);

boost::json::object shown(const accounts::Account& account);
boost::json::object shown(const accounts::Member& member);
boost::json::object shown(const accounts::Team& team);

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
  boost::json::array shown_rows;
  const auto count = std::min(rows.size(), static_cast<std::size_t>(limit));
  for (std::size_t i = 0; i < count; ++i) shown_rows.emplace_back(show(rows[i]));
  const std::string next = rows.size() > count ? std::string(key_of(rows[count])) : std::string();
  boost::json::object body = {{name, std::move(shown_rows)}};
  for (const auto& [key, value] : totals) body.emplace(key, value);
  body.emplace("nextPageStart", next);
  http::Response response = rest::json_response(200, body);
  if (!next.empty()) response.field("X-Next-Page-Start", next);
  return response;
}

}  // namespace holdfast::api::enzi
