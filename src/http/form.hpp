// Query strings and form bodies: "a=b&c=d" (WHATWG URL, application/x-www-form-urlencoded).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::http {

// %41 -> A; nothing for a broken escape. '+' stays.
std::optional<std::string> percent_decode(std::string_view text);

// The pairs in their order, decoded.
class Form {
 public:
  // Nothing when an escape is broken or there are more than 256 pairs. Empty pairs are left out.
  static std::optional<Form> parse(std::string_view text);
  // The first value of a name.
  [[nodiscard]] std::optional<std::string_view> value(std::string_view name) const;
  // Every value of a name.
  [[nodiscard]] std::vector<std::string_view> values(std::string_view name) const;
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& pairs() const {
    return pairs_;
  }

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

}  // namespace holdfast::http
