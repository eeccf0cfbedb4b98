// The handlers of UCP's paths that are in files of their own.
#pragma once

#include <vector>

#include "api/rest/call.hpp"
#include "api/rest/router.hpp"
#include "api/ucp/ucp.hpp"

namespace holdfast::api::ucp {

using Answer = Result<http::Response>;
using rest::bound;
using rest::Call;

// facts.cpp
std::vector<rest::Route> fact_routes(const Services& services);

}  // namespace holdfast::api::ucp
