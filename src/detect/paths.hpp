// Members' names, in packages::Layer's form.
#pragma once

#include <string_view>

namespace holdfast::detect {

// What is behind the last "/".
inline std::string_view base_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// What is before the last "/"; nothing for a member of the root.
inline std::string_view folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

// Whether one of the folders that the member lies in has this name.
inline bool is_in_folder(std::string_view path, std::string_view name) {
  for (std::string_view rest = folder_of(path); !rest.empty(); rest = folder_of(rest)) {
    if (base_name(rest) == name) return true;
  }
  return false;
}

}  // namespace holdfast::detect
