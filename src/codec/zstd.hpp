// Compression of what we store ourselves. What strangers compressed is opened elsewhere.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace holdfast::codec {

inline constexpr std::string_view kZstdInvalid = "zstd_invalid";  // corrupt

// One frame with its size and a checksum.
std::string compress_zstd(std::string_view bytes);

// Opens what compress_zstd made. corrupt/kZstdInvalid for anything else, and for more than
// `at_most` bytes.
Result<std::string> decompress_zstd(std::span<const std::byte> frame, std::size_t at_most);

}  // namespace holdfast::codec
