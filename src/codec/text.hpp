// Bytes as text: hex, base64 and base64url (RFC 4648). Decoders are strict: no blanks, no foreign
// characters, no bits left over.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::codec {

std::string hex(std::string_view bytes);
std::optional<std::string> from_hex(std::string_view text);

// With padding.
std::string base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

// Without padding, as JOSE writes it; padding is refused.
std::string base64url(std::string_view bytes);
std::optional<std::string> from_base64url(std::string_view text);

// Bytes for people: "812 B", "1.5 GiB".
std::string size_text(double bytes);

// Whether it is UTF-8 without a NUL: what databases take for text.
bool is_text(std::string_view bytes);
// The same bytes as such text, of at most `at_most` bytes: what is none becomes U+FFFD.
std::string to_text(std::string_view bytes, std::size_t at_most);

}  // namespace holdfast::codec
