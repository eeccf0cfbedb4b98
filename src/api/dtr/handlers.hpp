// The handlers of DTR's API, one file per noun, and what they share.
#pragma once

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/decide.hpp"
#include "api/dtr/dtr.hpp"
#include "api/rest/accounts.hpp"
#include "api/rest/call.hpp"
#include "api/rest/pages.hpp"
#include "api/rest/router.hpp"
#include "oci/manifest.hpp"

namespace holdfast::api::dtr {

using Answer = Result<http::Response>;
using rest::bound;
using rest::Call;

// Of the files of these names; cron_routes has action configs and workers too, v1_routes is in
// search.cpp.
std::vector<rest::Route> account_routes(const Services& services);
std::vector<rest::Route> api_token_routes(const Services& services);
std::vector<rest::Route> compare_routes(const Services& services);
std::vector<rest::Route> cron_routes(const Services& services);
std::vector<rest::Route> dashboard_routes(const Services& services);
std::vector<rest::Route> event_routes(const Services& services);
std::vector<rest::Route> event_stream_routes(const Services& services);
std::vector<rest::Route> advisory_routes(const Services& services);
std::vector<rest::Route> imagescan_routes(const Services& services);
std::vector<rest::Route> job_routes(const Services& services);
std::vector<rest::Route> meta_routes(const Services& services);
std::vector<rest::Route> override_routes(const Services& services);
std::vector<rest::Route> pruning_routes(const Services& services);
std::vector<rest::Route> repository_routes(const Services& services);
std::vector<rest::Route> scanner_routes(const Services& services);
std::vector<rest::Route> search_routes(const Services& services);
std::vector<rest::Route> service_account_routes(const Services& services);
std::vector<rest::Route> sharing_routes(const Services& services);
std::vector<rest::Route> statistics_routes(const Services& services);
std::vector<rest::Route> tag_routes(const Services& services);
std::vector<rest::Route> team_access_routes(const Services& services);
std::vector<rest::Route> v1_routes(const Services& services);
// 501 for whoever is logged in. Last, as what is built goes first.
std::vector<rest::Route> not_built_routes();

// The account that owns a namespace, by name or id. Whoever is not logged in hears of those only
// that have something to see: not_found/kAccountUnknown.
Result<accounts::Account> find_namespace(const Services& services, const Call& call,
                                         std::string_view reference);

// A repository for what the caller wants to do with it, named by the first two parts of the path,
// by namespace and name, or by `name`. What is no name is the name of none. Who may not see it is
// told that it is not there: not_found/kRepositoryUnknown; who may see it but not do this:
// denied/kNotAllowed.
Result<std::shared_ptr<const repos::Repository>> find_repository(const Services& services,
                                                                 const Call& call,
                                                                 access::Action action);
Result<std::shared_ptr<const repos::Repository>> find_repository(const Services& services,
                                                                 const Call& call,
                                                                 std::string_view ns,
                                                                 std::string_view repository,
                                                                 access::Action action);
Result<std::shared_ptr<const repos::Repository>> find_repository(
    const Services& services, const Call& call, const holdfast::oci::RepositoryName& name,
    access::Action action);

// "user" or "organization".
std::string_view namespace_type(const repos::Repository& repository);
// Bytes of config and layers together, as the manifest states them: a stranger's word. Bounded, so
// that what is summed up of them fits into 64 bits.
inline constexpr std::uint64_t kStatedBytesAtMost = 1ULL << 53U;
std::uint64_t stated_bytes(const holdfast::oci::Manifest& manifest);
// Repositories as lists show them.
Result<boost::json::array> shown_rows(const Services& services,
                                      const std::vector<repos::Repository>& rows);

// A time in the query, or nothing: invalid/kQueryInvalid.
Result<std::optional<Timestamp>> moment(const Call& call, std::string_view name);

// A page's start that is the number of the row before it; 0 for none or for what is no number.
std::int64_t number_after(std::string_view start);

// Of a list: `pageStart`, the first row wanted, `pageSize`, and whether `count` asks for how many
// there are in all. Whoever is not logged in gets kStrangersPage rows at most.
inline constexpr std::int64_t kStrangersPage = 1000;
struct Page {
  std::string start;
  std::int64_t size = 10;
  bool count = false;
  std::int64_t step = 500;  // rows in memory at a time, where it is given in steps
};
Result<Page> page_of(const Call& call);

// Gives a response the fields of a page: X-Next-Page-Start only when a page follows, as clients go
// on while it is there, and X-Resource-Count when the number was asked for.
http::Response with_page_fields(http::Response response, std::string_view next,
                                std::optional<std::int64_t> total);
http::Response page_response(const boost::json::value& body, std::string_view next,
                             std::optional<std::int64_t> total);

// A page of a list that may be long, by rest::page_response: `opening` and `closing` stand around
// the rows; `read`, `start_of` and `show` are those of rest::steps_of.
template <typename Read, typename StartOf, typename Show>
Answer page_in_steps(const Services& services, const Page& page, std::string_view opening,
                     std::string closing, std::optional<std::int64_t> total, Read read,
                     StartOf start_of, Show show) {
  HF_TRY(http::Response response,
         rest::page_response(
             services.pool,
             {.start = page.start,
              .size = page.size,
              .step = page.step,
              .opening = std::string(opening),
              .closing = [closing = std::move(closing)](const rest::PageEnd& /*end*/)
                  -> Result<std::string> { return closing; },
              .read = rest::steps_of(std::move(read), std::move(start_of), std::move(show))}));
  return with_page_fields(std::move(response), "", total);
}

}  // namespace holdfast::api::dtr
