// The handlers of DTR's API, one file per noun, and what they share.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

// events.cpp, meta.cpp
std::vector<rest::Route> event_routes(const Services& services);
std::vector<rest::Route> meta_routes(const Services& services);

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
