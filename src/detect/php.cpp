// Composer's list of what it installed, with what is for development too: it is there. Composer 1
// writes a list, 2 an object around it.
#include "codec/json.hpp"
#include "detect/json_file.hpp"
#include "detect/languages.hpp"
#include "detect/paths.hpp"

namespace holdfast::detect {

bool wants_php(std::string_view path) {
  return base_name(path) == "installed.json" && base_name(folder_of(path)) == "composer";
}

void detect_php(const File& file, Found& found) {
  const auto json = json_of(file, found);
  if (!json) return;
  const boost::json::array& installed =
      json->is_array() ? json->get_array() : array_of(*json, "packages");
  for (const boost::json::value& package : installed) {
    found.add({.type = packages::Type::composer,
               .name = text_of(package, "name"),
               .version = text_of(package, "version"),
               .licenses = licenses_of(codec::member(package, "license")),
               .path = std::string(file.path),
               .detector = "composer"});
  }
}

}  // namespace holdfast::detect
