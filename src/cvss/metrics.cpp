#include "cvss/metrics.hpp"

#include <algorithm>

namespace holdfast::cvss {

namespace {

bool has_value(std::string_view values, std::string_view value) {
  while (!values.empty()) {
    const std::size_t end = values.find(' ');
    if (values.substr(0, end) == value) return true;
    values.remove_prefix(end == std::string_view::npos ? values.size() : end + 1);
  }
  return false;
}

}  // namespace

std::optional<Values> read_metrics(std::string_view vector, std::span<const Metric> metrics) {
  Values values;
  while (!vector.empty()) {
    const std::size_t end = vector.find('/');
    const std::string_view part = vector.substr(0, end);
    vector.remove_prefix(end == std::string_view::npos ? vector.size() : end + 1);
    const std::size_t colon = part.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto found = std::ranges::find(metrics, part.substr(0, colon), &Metric::name);
    if (found == metrics.end()) return std::nullopt;
    std::string_view& value = values.of[found - metrics.begin()];
    if (!value.empty() || !has_value(found->values, part.substr(colon + 1))) return std::nullopt;
    value = part.substr(colon + 1);
  }
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    if (metrics[i].is_required && values.of[i].empty()) return std::nullopt;
  }
  return values;
}

}  // namespace holdfast::cvss
