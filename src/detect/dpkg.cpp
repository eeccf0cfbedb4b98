#include <algorithm>
#include <array>
#include <utility>

#include "detect/distributions.hpp"
#include "detect/lines.hpp"

namespace holdfast::detect {

namespace {

// "bash (5.2.15-2)" in Source, or "bash" alone.
void read_source(std::string_view text, packages::Package& package) {
  const std::size_t open = text.find('(');
  package.source_name = trimmed(text.substr(0, open));
  if (open == std::string_view::npos) return;
  const std::size_t close = text.find(')', open);
  package.source_version = trimmed(text.substr(open + 1, close - open - 1));
}

// "install ok installed": what was wanted, whether it is whole, what it is. Half-installed and
// unpacked ones have their files too; those of which only the configuration is left have not.
bool is_installed(std::string_view status) {
  const std::size_t blank = status.rfind(' ');
  const std::string_view state =
      blank == std::string_view::npos ? status : status.substr(blank + 1);
  constexpr std::array<std::string_view, 2> kGone = {"not-installed", "config-files"};
  return std::ranges::find(kGone, state) == kGone.end();
}

class Paragraphs {
 public:
  Paragraphs(const File& file, Found& found) : file_(file), found_(found) { begin(); }

  void line(std::string_view line) {
    if (trimmed(line).empty()) return end();
    // A folded line belongs to the field above it, whatever it looks like.
    if (line.front() == ' ' || line.front() == '\t') return;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    field(line.substr(0, colon), trimmed(line.substr(colon + 1)));
  }

  void end() {
    if (installed_ && !package_.name.empty()) {
      if (package_.source_name.empty()) package_.source_name = package_.name;
      if (package_.source_version.empty()) package_.source_version = package_.version;
      found_.add(std::move(package_));
    }
    begin();
  }

 private:
  void begin() {
    package_ = {.type = packages::Type::deb, .path = std::string(file_.path), .detector = "dpkg"};
    // Distroless writes no status: what has a file is there.
    installed_ = true;
  }
  void field(std::string_view name, std::string_view value) {
    if (is_same(name, "Package")) {
      package_.name = value;
    } else if (is_same(name, "Version")) {
      package_.version = value;
    } else if (is_same(name, "Architecture")) {
      package_.architecture = value;
    } else if (is_same(name, "Source")) {
      read_source(value, package_);
    } else if (is_same(name, "Status")) {
      installed_ = is_installed(value);
    }
  }

  const File& file_;
  Found& found_;
  packages::Package package_;
  bool installed_ = true;
};

}  // namespace

void detect_dpkg(const File& file, Found& found) {
  Paragraphs paragraphs(file, found);
  for_each_line(file.bytes, [&](std::string_view line) { paragraphs.line(line); });
  paragraphs.end();
}

void read_dpkg_list(const File& file, Owners& owners) {
  std::string_view name = file.path.substr(file.path.rfind('/') + 1);
  const bool has_sums = name.ends_with(".md5sums");
  name = name.substr(0, name.rfind('.'));
  const std::string_view package = name.substr(0, name.find(':'));
  for_each_line(file.bytes, [&](std::string_view line) {
    if (has_sums) {
      const std::size_t blanks = line.find("  ");
      if (blanks == std::string_view::npos) return;
      line = line.substr(blanks + 2);
    }
    if (!line.empty()) owners.add(package, line);
  });
}

std::vector<std::string> licenses_of_copyright(std::string_view text) {
  std::vector<std::string> licenses;
  bool is_machine_readable = false;
  for_each_line(text, [&](std::string_view line) {
    if (line.starts_with("Format:")) is_machine_readable = true;
    if (!is_machine_readable || !line.starts_with("License:")) return;
    std::string license(trimmed(line.substr(line.find(':') + 1)));
    if (license.empty() || licenses.size() >= kLicensesOfOne) return;
    if (std::ranges::find(licenses, license) == licenses.end()) {
      licenses.push_back(std::move(license));
    }
  });
  return licenses;
}

}  // namespace holdfast::detect
