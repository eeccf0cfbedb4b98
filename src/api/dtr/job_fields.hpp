// What jobs and crons have in common in DTR's JSON.
#pragma once

#include <boost/json/object.hpp>
#include <string_view>

#include "api/rest/call.hpp"
#include "base/result.hpp"
#include "jobs/job.hpp"

namespace holdfast::api::dtr {

// The job that a body asks for. A text, or a map, that is empty is as one that is not given: the
// action decides. invalid/kFieldInvalid.
Result<jobs::NewJob> job_in(const rest::Fields& fields);
// Texts as DTR has them; numbers, true and false become texts, null is left out. invalid/
// kFieldInvalid.
Result<boost::json::object> parameters_in(const rest::Fields& fields);
Result<jobs::CapacityMap> capacity_in(const rest::Fields& fields);

boost::json::object shown_capacity(const jobs::CapacityMap& capacity);
// Every value as a text, which is the type that clients know.
boost::json::object shown_parameters(const boost::json::object& parameters);

}  // namespace holdfast::api::dtr
