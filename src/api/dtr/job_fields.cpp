#include "api/dtr/job_fields.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <optional>
#include <utility>

#include "base/clock.hpp"

namespace holdfast::api::dtr {

namespace {

Error wrong(std::string message) {
  return fail(ErrorCode::invalid, rest::kFieldInvalid, std::move(message));
}

std::string as_text(const boost::json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : boost::json::serialize(value);
}

// A member that is an object; null when it is not given.
Result<const boost::json::object*> object_in(const rest::Fields& fields, std::string_view name) {
  const boost::json::value* given = fields.object().if_contains(name);
  if (given == nullptr || given->is_null()) return static_cast<const boost::json::object*>(nullptr);
  if (given->is_object()) return &given->get_object();
  return wrong(fmt::format("\"{}\" must be an object", name));
}

Result<std::optional<std::string>> text_in(const rest::Fields& fields, std::string_view name) {
  HF_TRY(auto text, fields.text(name));
  if (text && text->empty()) text.reset();
  return text;
}

}  // namespace

Result<boost::json::object> parameters_in(const rest::Fields& fields) {
  boost::json::object parameters;
  HF_TRY(const boost::json::object* const given, object_in(fields, "parameters"));
  if (given == nullptr) return parameters;
  for (const auto& member : *given) {
    const boost::json::value& value = member.value();
    if (value.is_null()) continue;
    if (value.is_structured()) {
      return wrong(
          fmt::format("\"parameters\": \"{}\" must be a string", std::string_view(member.key())));
    }
    parameters.emplace(member.key(), as_text(value));
  }
  return parameters;
}

Result<jobs::CapacityMap> capacity_in(const rest::Fields& fields) {
  jobs::CapacityMap capacity;
  HF_TRY(const boost::json::object* const given, object_in(fields, "capacityMap"));
  if (given == nullptr) return capacity;
  for (const auto& member : *given) {
    if (!member.value().is_int64()) {
      return wrong(fmt::format("\"capacityMap\": \"{}\" must be a whole number",
                               std::string_view(member.key())));
    }
    capacity.emplace(member.key(), member.value().get_int64());
  }
  return capacity;
}

Result<jobs::NewJob> job_in(const rest::Fields& fields) {
  jobs::NewJob job;
  HF_TRY(job.action, fields.required_text("action"));
  HF_TRY(job.parameters, parameters_in(fields));
  HF_TRY(job.retries, fields.number("retries"));
  HF_TRY(jobs::CapacityMap capacity, capacity_in(fields));
  if (!capacity.empty()) job.capacity = std::move(capacity);
  HF_TRY(job.deadline, text_in(fields, "deadline"));
  HF_TRY(job.stop_timeout, text_in(fields, "stopTimeout"));
  HF_TRY(const auto scheduled_at, text_in(fields, "scheduledAt"));
  if (!scheduled_at) return job;
  job.scheduled_at = parse_rfc3339(*scheduled_at);
  if (job.scheduled_at) return job;
  return wrong("\"scheduledAt\" must be a time such as \"2026-11-24T04:31:30Z\"");
}

boost::json::object shown_capacity(const jobs::CapacityMap& capacity) {
  boost::json::object object;
  for (const auto& [key, value] : capacity) object.emplace(key, value);
  return object;
}

boost::json::object shown_parameters(const boost::json::object& parameters) {
  boost::json::object object;
  for (const auto& member : parameters) {
    object.emplace(member.key(), as_text(member.value()));
  }
  return object;
}

}  // namespace holdfast::api::dtr
