#include <string>
#include <utility>

#include "detect/distributions.hpp"
#include "detect/lines.hpp"

namespace holdfast::detect {

namespace {

// Licences are an expression of SPDX, or names with blanks between them in old packages.
std::vector<std::string> licenses_of(std::string_view text) {
  std::vector<std::string> licenses;
  if (!text.empty()) licenses.emplace_back(text);
  return licenses;
}

class Entries {
 public:
  Entries(const File& file, Found& found, Owners& owners)
      : file_(file), found_(found), owners_(owners) {
    begin();
  }

  void line(std::string_view line) {
    if (line.empty()) return end();
    if (line.size() < 2 || line[1] != ':') return;
    const std::string_view value = line.substr(2);
    switch (line.front()) {
      case 'P':
        package_.name = value;
        break;
      case 'V':
        package_.version = value;
        break;
      case 'A':
        package_.architecture = value;
        break;
      case 'o':
        package_.source_name = value;
        break;
      case 'L':
        package_.licenses = licenses_of(trimmed(value));
        break;
      case 'F':
        folder_ = value;
        break;
      case 'R':
        if (!package_.name.empty()) {
          owners_.add(package_.name, folder_ + "/" + std::string(value));
        }
        break;
      default:
        break;
    }
  }

  void end() {
    if (!package_.name.empty()) {
      if (package_.source_name.empty()) package_.source_name = package_.name;
      package_.source_version = package_.version;
      found_.add(std::move(package_));
    }
    begin();
  }

 private:
  void begin() {
    package_ = {.type = packages::Type::apk, .path = std::string(file_.path), .detector = "apk"};
    folder_.clear();
  }

  const File& file_;
  Found& found_;
  Owners& owners_;
  packages::Package package_;
  std::string folder_;
};

}  // namespace

void detect_apk(const File& file, Found& found, Owners& owners) {
  Entries entries(file, found, owners);
  for_each_line(file.bytes, [&](std::string_view line) { entries.line(line); });
  entries.end();
}

}  // namespace holdfast::detect
