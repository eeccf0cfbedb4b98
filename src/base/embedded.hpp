// Files that were made a part of the program by tools/embed.
#pragma once

#include <span>
#include <string_view>

namespace holdfast {

struct EmbeddedFile {
  std::string_view name;    // without folders
  std::string_view sha256;  // of the text, in hex; good for an entity tag
  std::string_view text;    // UTF-8
};

}  // namespace holdfast
