// The handlers of DTR's API, one file per noun, and what they share.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/decide.hpp"
#include "api/dtr/dtr.hpp"
#include "api/rest/accounts.hpp"
#include "api/rest/call.hpp"

namespace holdfast::api::dtr {

using Answer = Result<http::Response>;
using rest::Call;

inline rest::Handler bound(const Services& services,
                           Answer (*handler)(const Services&, const Call&)) {
  return [services, handler](const Call& call) { return handler(services, call); };
}

// api_tokens.cpp, events.cpp, meta.cpp
std::vector<rest::Route> api_token_routes(const Services& services);
std::vector<rest::Route> event_routes(const Services& services);
std::vector<rest::Route> meta_routes(const Services& services);
// repositories.cpp, tags.cpp, team_access.cpp
std::vector<rest::Route> repository_routes(const Services& services);
std::vector<rest::Route> tag_routes(const Services& services);
std::vector<rest::Route> team_access_routes(const Services& services);

// The namespace's account, for whoever asks: that a namespace exists is no secret. By name or id.
Result<accounts::Account> find_namespace(const Services& services, std::string_view reference);

// A repository for what the caller wants to do with it, named by the first two parts of the path or
// by `name`. Who may not see it is told that it is not there: not_found/kRepositoryUnknown; who may
// see it but not do this: denied/kNotAllowed.
Result<std::shared_ptr<const repos::Repository>> find_repository(const Services& services,
                                                                 const Call& call,
                                                                 access::Action action);
Result<std::shared_ptr<const repos::Repository>> find_repository(
    const Services& services, const Call& call, const holdfast::oci::RepositoryName& name,
    access::Action action);

// "user" or "organization".
std::string_view namespace_type(const accounts::Account& owner);
// A repository inside another answer.
boost::json::object shown_briefly(const repos::Repository& repository,
                                  const accounts::Account& owner);

// A page's start that is the number of the row before it; 0 for none or for what is no number.
std::int64_t number_after(std::string_view start);

// Of a list: `pageStart`, the first row wanted, `pageSize`, and whether `count` asks for how many
// there are in all.
struct Page {
  std::string start;
  std::int64_t size = 10;
  bool count = false;
};
Result<Page> page_of(const Call& call);

// Gives the fields of a page: X-Next-Page-Start only when a page follows, as clients go on while it
// is there, and X-Resource-Count when the number was asked for.
http::Response page_response(const boost::json::value& body, std::string_view next,
                             std::optional<std::int64_t> total);

}  // namespace holdfast::api::dtr
