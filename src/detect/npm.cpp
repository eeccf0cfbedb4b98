// npm's package.json, wherever it lies: installed packages, global ones, those that a package
// brings along (next/dist/compiled/…), and applications that have a name and a version.
#include <algorithm>
#include <array>

#include "codec/json.hpp"
#include "detect/json_file.hpp"
#include "detect/languages.hpp"
#include "detect/paths.hpp"

namespace holdfast::detect {

namespace {

constexpr std::array<std::string_view, 6> kTestFolders = {"__tests__", "example", "examples",
                                                          "fixtures",  "test",    "tests"};

// Packages bring small trees for their own tests, of which nothing is ever loaded. Beside
// node_modules such a name may be an application's, and "test" itself may be a package.
bool is_of_a_test(std::string_view path) {
  constexpr std::string_view kModules = "node_modules/";
  const std::size_t modules = path.rfind(kModules);
  if (modules == std::string_view::npos) return false;
  std::string_view rest = folder_of(path.substr(modules + kModules.size()));
  if (rest.starts_with('@')) rest.remove_prefix(std::min(rest.find('/'), rest.size() - 1) + 1);
  const std::size_t package = rest.find('/');
  if (package == std::string_view::npos) return false;
  rest.remove_prefix(package);
  return std::ranges::any_of(kTestFolders, [&](std::string_view folder) {
    return base_name(rest) == folder || is_in_folder(rest, folder);
  });
}

}  // namespace

bool wants_npm(std::string_view path) {
  return base_name(path) == "package.json" && !is_of_a_test(path);
}

void detect_npm(const File& file, Found& found) {
  const auto json = json_of(file, found);
  if (!json) return;
  packages::Package package{.type = packages::Type::npm,
                            .name = text_of(*json, "name"),
                            .version = text_of(*json, "version"),
                            .licenses = licenses_of(codec::member(*json, "license")),
                            .path = std::string(file.path),
                            .detector = "npm"};
  // Packages put such files beside modules to say of which kind they are: {"type": "module"}.
  if (package.name.empty() || package.version.empty()) return;
  if (package.licenses.empty()) package.licenses = licenses_of(codec::member(*json, "licenses"));
  found.add(std::move(package));
}

}  // namespace holdfast::detect
