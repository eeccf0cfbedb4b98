// fuzz: http
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "http/chunked.hpp"

namespace {

// The payload, or "!" for an error; the bytes are fed in steps.
std::string decoded(std::string bytes, std::size_t step) {
  holdfast::http::ChunkedDecoder decoder;
  std::string payload;
  for (std::size_t at = 0; at < bytes.size() && !decoder.done();) {
    std::string piece = bytes.substr(at, step);
    const auto done = decoder.decode(std::as_writable_bytes(std::span(piece)));
    if (!done) return "!";
    payload += piece.substr(0, done->payload_bytes);
    at += done->consumed_bytes;
  }
  return payload + (decoder.done() ? "." : "?");
}

}  // namespace

// However the bytes are cut, they mean the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = decoded(bytes, size + 1);
  if (decoded(bytes, 1) != whole || decoded(bytes, 3) != whole) std::abort();
  return 0;
}
