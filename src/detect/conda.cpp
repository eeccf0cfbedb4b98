// conda-meta/NAME-VERSION-BUILD.json, one for each package of an environment.
#include "codec/json.hpp"
#include "detect/json_file.hpp"
#include "detect/languages.hpp"
#include "detect/paths.hpp"

namespace holdfast::detect {

bool wants_conda(std::string_view path) {
  return path.ends_with(".json") && base_name(folder_of(path)) == "conda-meta";
}

void detect_conda(const File& file, Found& found) {
  const auto json = json_of(file, found);
  if (!json) return;
  packages::Package package{.type = packages::Type::conda,
                            .name = text_of(*json, "name"),
                            .version = text_of(*json, "version"),
                            .licenses = licenses_of(codec::member(*json, "license")),
                            .path = std::string(file.path),
                            .detector = "conda"};
  // Other files of conda lie beside them, with neither.
  if (!package.version.empty()) found.add(std::move(package));
}

}  // namespace holdfast::detect
