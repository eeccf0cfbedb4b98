// The handlers of eNZi, one file per noun, and what they share.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/enzi/enzi.hpp"
#include "api/rest/accounts.hpp"
#include "api/rest/call.hpp"
#include "api/rest/pages.hpp"
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

// Of a list.
struct Page {
  std::string start;
  std::int64_t limit = 10;
};
Result<Page> page_of(const Call& call);
Result<accounts::MemberQuery> member_query(const Call& call);

// A page as eNZi gives it: {"<name>":[…], …, "nextPageStart":""}. `totals(end)` gives what stands
// between; `read(start, limit)` rows from the one on that begins at `start`, in order; `show(row)`
// its JSON; `key_of(row)` the start that begins with it. All of them own what they use.
template <typename Totals, typename Read, typename Show, typename Key>
Answer page_response(const Services& services, std::string_view name, const Page& page,
                     Totals totals, Read read, Show show, Key key_of) {
  return rest::page_response(
      services.pool,
      {.start = page.start,
       .size = page.limit,
       .opening = fmt::format(R"({{"{}":[)", name),
       .closing = [totals = std::move(totals)](const rest::PageEnd& end) -> Result<std::string> {
         HF_TRY(boost::json::object rest_of_it, totals(end));
         rest_of_it.emplace("nextPageStart", end.next);
         return "]," + boost::json::serialize(rest_of_it).substr(1);
       },
       .read =
           rest::steps_of(std::move(read), std::move(key_of),
                          [show = std::move(show)](const auto& rows) -> Result<boost::json::array> {
                            boost::json::array shown_rows;
                            for (const auto& row : rows) shown_rows.emplace_back(show(row));
                            return shown_rows;
                          })});
}

// Totals of a page that has none, and of one whose list is counted already.
inline Result<boost::json::object> no_totals(const rest::PageEnd& /*end*/) {
  return boost::json::object();
}
inline auto counted(std::int64_t rows) {
  return [rows](const rest::PageEnd& /*end*/) -> Result<boost::json::object> {
    return boost::json::object{{"resourceCount", rows}};
  };
}

}  // namespace holdfast::api::enzi
