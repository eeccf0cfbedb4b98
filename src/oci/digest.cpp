#include "oci/digest.hpp"

#include <algorithm>
#include <cassert>
#include <fmt/format.h>

#include "codec/text.hpp"

namespace holdfast::oci {

std::string_view name(Algorithm algorithm) {
  return algorithm == Algorithm::sha256 ? "sha256" : "sha512";
}

Result<Algorithm> parse_algorithm(std::string_view text) {
  if (text == "sha256") return Algorithm::sha256;
  if (text == "sha512") return Algorithm::sha512;
  return fail(ErrorCode::invalid, kDigestInvalid,
              "the digest's algorithm is not supported: use sha256 or sha512");
}

std::size_t hex_length(Algorithm algorithm) { return algorithm == Algorithm::sha256 ? 64 : 128; }

Result<Digest> Digest::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    return fail(ErrorCode::invalid, kDigestInvalid,
                "a digest has the form sha256:<64 hex digits> or sha512:<128 hex digits>");
  }
  HF_TRY(const Algorithm algorithm, parse_algorithm(text.substr(0, colon)));
  const std::string_view hex = text.substr(colon + 1);
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (hex.size() != hex_length(algorithm) || !std::ranges::all_of(hex, is_hex)) {
    return fail(ErrorCode::invalid, kDigestInvalid,
                fmt::format("a {} digest has exactly {} lower-case hex digits", name(algorithm),
                            hex_length(algorithm)));
  }
  return Digest(algorithm, std::string(text));
}

Digest Digest::of(Algorithm algorithm, std::string_view hash) {
  assert(hash.size() * 2 == hex_length(algorithm));
  return {algorithm, std::string(name(algorithm)) + ":" + codec::hex(hash)};
}

std::string_view Digest::hex() const {
  return std::string_view(text_).substr(name(algorithm_).size() + 1);
}

}  // namespace holdfast::oci
