// A content digest, "sha256:<64 hex>" or "sha512:<128 hex>" (OCI image-spec, descriptor.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace holdfast::oci {

enum class Algorithm : std::uint8_t { sha256, sha512 };

inline constexpr std::string_view kDigestInvalid = "digest_invalid";  // invalid

// "sha256".
std::string_view name(Algorithm algorithm);
// invalid/kDigestInvalid for an algorithm we do not compute.
Result<Algorithm> parse_algorithm(std::string_view text);
// Hex digits of a digest by this algorithm: 64 or 128.
std::size_t hex_length(Algorithm algorithm);

// Always valid: lower-case hex of the right length.
class Digest {
 public:
  // invalid/kDigestInvalid, with a message that says what is wrong.
  static Result<Digest> parse(std::string_view text);
  // From the raw hash; `hash` must have the algorithm's length (a bug otherwise).
  static Digest of(Algorithm algorithm, std::string_view hash);

  [[nodiscard]] Algorithm algorithm() const { return algorithm_; }
  // "sha256:ab…"
  [[nodiscard]] const std::string& text() const { return text_; }
  // "ab…"
  [[nodiscard]] std::string_view hex() const;

  auto operator<=>(const Digest& other) const { return text_ <=> other.text_; }
  bool operator==(const Digest& other) const { return text_ == other.text_; }

 private:
  Digest(Algorithm algorithm, std::string text) : algorithm_(algorithm), text_(std::move(text)) {}
  Algorithm algorithm_;
  std::string text_;
};

}  // namespace holdfast::oci

template <>
struct std::hash<holdfast::oci::Digest> {
  std::size_t operator()(const holdfast::oci::Digest& digest) const noexcept {
    return std::hash<std::string_view>{}(digest.text());
  }
};
