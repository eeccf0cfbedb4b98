#include "detect/json_file.hpp"

#include <fmt/format.h>

#include "codec/json.hpp"

namespace holdfast::detect {

namespace json = boost::json;

std::optional<json::value> json_of(const File& file, Found& found) {
  auto parsed = codec::parse_json_within(file.bytes, kJsonDepth, kJsonMemoryBytes);
  if (parsed) return *std::move(parsed);
  found.remark(parsed.error().code == ErrorCode::too_large
                   ? fmt::format("{}: its JSON takes more memory than is given to one", file.path)
                   : fmt::format("{}: no JSON: {}", file.path, parsed.error().message));
  return std::nullopt;
}

std::string text_of(const json::value& value, std::string_view name) {
  return std::string(codec::string_member(value, name).value_or(std::string_view()));
}

const json::array& array_of(const json::value& value, std::string_view name) {
  static const json::array kNone;
  const json::value* found = codec::member(value, name);
  return found == nullptr || !found->is_array() ? kNone : found->get_array();
}

const json::object& object_of(const json::value& value, std::string_view name) {
  static const json::object kNone;
  const json::value* found = codec::member(value, name);
  return found == nullptr || !found->is_object() ? kNone : found->get_object();
}

namespace {

std::string one_license(const json::value& value) {
  if (value.is_string()) return std::string(std::string_view(value.get_string()));
  return text_of(value, "type");
}

}  // namespace

std::vector<std::string> licenses_of(const json::value* value) {
  std::vector<std::string> licenses;
  if (value == nullptr) return licenses;
  if (const json::array* array = value->if_array()) {
    for (const json::value& element : *array) {
      licenses.push_back(one_license(element));
    }
  } else {
    licenses.push_back(one_license(*value));
  }
  std::erase(licenses, std::string());
  return licenses;
}

}  // namespace holdfast::detect
