// Ranges: of downloads (RFC 9110 section 14) and of uploads (OCI distribution-spec, "PATCH").
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::http {

// What a Range field asks of `size_bytes` bytes.
struct RangeRequest {
  enum class Kind { whole, part, unsatisfiable };
  Kind kind = Kind::whole;
  std::uint64_t offset = 0;
  std::uint64_t length_bytes = 0;
};
// One range is honoured; several, another unit and nonsense count as none. A range whose end is
// before its start is unsatisfiable, as the conformance suite of OCI wants it.
RangeRequest parse_range(std::string_view field, std::uint64_t size_bytes);

// The Content-Range of a chunk: "first-last", inclusive, no unit.
struct ChunkRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};
// Nothing when it is malformed or last < first.
std::optional<ChunkRange> parse_chunk_range(std::string_view field);

}  // namespace holdfast::http
