// fuzz: http
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "http/conditional.hpp"
#include "http/range.hpp"

// A part lies inside what it is a part of; a chunk has an end behind its beginning.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast::http;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const std::uint64_t total :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1000}, UINT64_MAX}) {
    const RangeRequest range = parse_range(text, total);
    if (range.kind != RangeRequest::Kind::part) continue;
    if (range.length_bytes == 0 || range.offset >= total ||
        range.length_bytes > total - range.offset)
      std::abort();
  }
  const auto chunk = parse_chunk_range(text);
  if (chunk && chunk->last < chunk->first) std::abort();
  (void)accepts({text}, "application/json");
  (void)matches_etag(text, "tag");
  return 0;
}
