#include "api/rest/fields.hpp"

#include <fmt/format.h>
#include <utility>

#include "codec/json.hpp"
#include "http/form.hpp"

namespace holdfast::api::rest {

namespace {

Error wrong(std::string_view name, std::string_view wanted) {
  return fail(ErrorCode::invalid, kFieldInvalid, fmt::format("\"{}\" must be {}", name, wanted));
}

}  // namespace

Result<Fields> Fields::parse(std::string_view body) {
  Fields fields;
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return fields;
  auto value = codec::parse_json_prefix(body);
  if (!value) return fail(ErrorCode::invalid, kBodyNotJson, value.error().message);
  if (!value->is_object()) {
    return fail(ErrorCode::invalid, kBodyNotJson, "the body must be a JSON object");
  }
  fields.object_ = std::move(value->get_object());
  return fields;
}

Result<Fields> Fields::parse_either(std::string_view body) {
  const std::size_t first = body.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || body[first] == '{') return parse(body);
  const auto form = http::Form::parse(body);
  if (!form) return fail(ErrorCode::invalid, kBodyNotJson, "the body is neither JSON nor a form");
  Fields fields;
  for (const auto& [name, value] : form->pairs()) fields.object_.emplace(name, value);
  return fields;
}

Result<std::optional<std::string>> Fields::text(std::string_view name) const {
  const boost::json::value* found = object_.if_contains(name);
  if (found == nullptr || found->is_null()) return std::optional<std::string>();
  if (!found->is_string()) return wrong(name, "a string");
  return std::optional(std::string(found->get_string()));
}

Result<std::optional<std::int64_t>> Fields::number(std::string_view name) const {
  const boost::json::value* found = object_.if_contains(name);
  if (found == nullptr || found->is_null()) return std::optional<std::int64_t>();
  if (!found->is_int64()) return wrong(name, "a whole number");
  return std::optional(found->get_int64());
}

Result<std::optional<bool>> Fields::flag(std::string_view name) const {
  const boost::json::value* found = object_.if_contains(name);
  if (found == nullptr || found->is_null()) return std::optional<bool>();
  if (!found->is_bool()) return wrong(name, "true or false");
  return std::optional(found->get_bool());
}

Fields Fields::of(boost::json::object object) {
  Fields fields;
  fields.object_ = std::move(object);
  return fields;
}

Result<std::optional<std::vector<std::string>>> Fields::texts(std::string_view name) const {
  using Texts = std::optional<std::vector<std::string>>;
  const boost::json::value* found = object_.if_contains(name);
  if (found == nullptr || found->is_null()) return Texts();
  if (!found->is_array()) return wrong(name, "a list of strings");
  Texts texts(std::in_place);
  for (const boost::json::value& value : found->get_array()) {
    if (!value.is_string()) return wrong(name, "a list of strings");
    texts->emplace_back(value.get_string());
  }
  return texts;
}

Result<std::optional<std::vector<Fields>>> Fields::objects(std::string_view name) const {
  using Objects = std::optional<std::vector<Fields>>;
  const boost::json::value* found = object_.if_contains(name);
  if (found == nullptr || found->is_null()) return Objects();
  if (!found->is_array()) return wrong(name, "a list of objects");
  Objects objects(std::in_place);
  for (const boost::json::value& value : found->get_array()) {
    if (!value.is_object()) return wrong(name, "a list of objects");
    objects->push_back(of(value.get_object()));
  }
  return objects;
}

Result<std::string> Fields::required_text(std::string_view name) const {
  HF_TRY(auto found, text(name));
  if (!found || found->empty()) return wrong(name, "given: it is missing or empty");
  return *std::move(found);
}

}  // namespace holdfast::api::rest
