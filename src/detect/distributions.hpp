// The databases in which distributions keep what is installed.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "detect/detector.hpp"
#include "detect/owners.hpp"
#include "packages/package.hpp"

namespace holdfast::detect {

// dpkg's status, or one of distroless's status.d files: the packages that are installed
// (deb-control(5), dpkg(1)).
void detect_dpkg(const File& file, Found& found);
// dpkg's info/NAME.list and status.d/NAME.md5sums: what a package brought.
void read_dpkg_list(const File& file, Owners& owners);
// Licences of usr/share/doc/NAME/copyright, where it is machine-readable (DEP 5); at most
// kLicensesOfOne.
std::vector<std::string> licenses_of_copyright(std::string_view text);
inline constexpr std::size_t kLicensesOfOne = 20;

// apk's installed (apk-package(5) has the letters).
void detect_apk(const File& file, Found& found, Owners& owners);

// Where rpm's databases lie: the paths in the order in which they count.
std::span<const std::string_view> rpm_databases();
// Whether a member is one of them, or the log beside one.
bool is_rpm_database(std::string_view path);
// SUSE's Packages.db (ndb), in memory.
void detect_ndb(const File& file, Found& found, Owners& owners);
// rpm's database: rpmdb.sqlite or Packages (bdb), read by librpm from files in `folder`, which the
// caller filled. `path` is the member for the packages.
void detect_rpm(const std::string& folder, std::string_view path, Found& found, Owners& owners);
// Reads librpm's configuration: before the sandbox closes, as it lies in files.
void prepare_rpm();

// os-release(5). Nothing when it names no distribution.
std::optional<packages::Release> read_os_release(const File& file);
// The version in etc/alpine-release, for images whose os-release says "edge" or nothing.
std::string read_alpine_release(std::string_view text);

}  // namespace holdfast::detect
