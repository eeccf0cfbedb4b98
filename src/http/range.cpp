#include "http/range.hpp"

#include <algorithm>
#include <charconv>

#include "http/text.hpp"

namespace holdfast::http {

namespace {

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  // More than 64 bits hold is beyond every blob's end.
  if (error == std::errc::result_out_of_range && end == text.data() + text.size())
    return UINT64_MAX;
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

RangeRequest parse_range(std::string_view field, std::uint64_t size_bytes) {
  constexpr std::string_view kUnit = "bytes=";
  const RangeRequest whole{RangeRequest::Kind::whole, 0, size_bytes};
  const RangeRequest unsatisfiable{RangeRequest::Kind::unsatisfiable, 0, 0};
  if (field.size() < kUnit.size() || !equal_ignoring_case(field.substr(0, kUnit.size()), kUnit)) {
    return whole;
  }
  const std::string_view spec = trimmed(field.substr(kUnit.size()));
  const std::size_t dash = spec.find('-');
  if (dash == std::string_view::npos) return whole;
  const std::string_view from = spec.substr(0, dash);
  const std::string_view to = spec.substr(dash + 1);
  const auto first = number(from);
  const auto last = number(to);
  if (from.empty()) {
    if (!last) return whole;
    if (*last == 0 || size_bytes == 0) return unsatisfiable;
    const std::uint64_t length = std::min(*last, size_bytes);
    return {RangeRequest::Kind::part, size_bytes - length, length};
  }
  if (!first || (!to.empty() && !last)) return whole;
  if (*first >= size_bytes || (last && *last < *first)) return unsatisfiable;
  const std::uint64_t end = std::min(last.value_or(size_bytes - 1), size_bytes - 1);
  return {RangeRequest::Kind::part, *first, end - *first + 1};
}

std::optional<ChunkRange> parse_chunk_range(std::string_view field) {
  const std::size_t dash = field.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = number(field.substr(0, dash));
  const auto last = number(field.substr(dash + 1));
  if (!first || !last || *last < *first || *last == UINT64_MAX) return std::nullopt;
  return ChunkRange{*first, *last};
}

}  // namespace holdfast::http
