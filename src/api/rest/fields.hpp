// The fields of a JSON body, read with their types.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace holdfast::api::rest {

inline constexpr std::string_view kBodyNotJson = "body_not_json";   // invalid
inline constexpr std::string_view kFieldInvalid = "field_invalid";  // invalid: the field is named

// A field that is absent or null is nothing; one of another type is invalid/kFieldInvalid.
class Fields {
 public:
  // An empty body has no fields. What follows the first value is ignored, as clients send a comma
  // there. invalid/kBodyNotJson.
  static Result<Fields> parse(std::string_view body);
  // JSON when it begins like an object, else the text fields of a form.
  static Result<Fields> parse_either(std::string_view body);

  [[nodiscard]] Result<std::optional<std::string>> text(std::string_view name) const;
  [[nodiscard]] Result<std::optional<std::int64_t>> number(std::string_view name) const;
  [[nodiscard]] Result<std::optional<bool>> flag(std::string_view name) const;
  // As text(), and must be there and not empty.
  [[nodiscard]] Result<std::string> required_text(std::string_view name) const;

  // Lists: each entry a text, or an object.
  [[nodiscard]] Result<std::optional<std::vector<std::string>>> texts(std::string_view name) const;
  [[nodiscard]] Result<std::optional<std::vector<Fields>>> objects(std::string_view name) const;

  // All of them, for handlers that take fields by a table of their own.
  [[nodiscard]] const boost::json::object& object() const { return object_; }

 private:
  static Fields of(boost::json::object object);

  boost::json::object object_;
};

}  // namespace holdfast::api::rest
