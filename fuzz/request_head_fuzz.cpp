// fuzz: http
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "http/head.hpp"

// A head that parses has views inside its bytes, and one framing.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast::http;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const auto end = find_head_end(all);
  if (!end) return 0;
  const std::string_view bytes = all.substr(0, *end);
  const auto head = parse_head(bytes);
  if (!head) return 0;
  const auto inside = [&](std::string_view view) {
    return view.empty() || (view.data() >= bytes.data() &&
                            view.data() + view.size() <= bytes.data() + bytes.size());
  };
  // An absolute target without a path stands for "/", which is nowhere in the bytes.
  if ((!inside(head->path) && head->path != "/") || !inside(head->query) ||
      !inside(head->method_text))
    std::abort();
  for (const auto& [name, value] : head->fields) {
    if (!inside(name) || !inside(value) || name.find_first_of(" \r\n:") != std::string_view::npos)
      std::abort();
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) std::abort();
  }
  if (head->chunked && head->content_length) std::abort();
  return 0;
}
