// What is installed in a layer of an image, as the worker reports it and the scanner stores it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::packages {

// The kinds of packages, by their names in PURLs. Stored by name: new ones are added, none is
// renamed. `generic` is what a scanner of others found and did not say the kind of: nothing here
// looks for such packages.
enum class Type {
  apk,
  cargo,
  composer,
  conda,
  deb,
  gem,
  golang,
  maven,
  npm,
  nuget,
  pypi,
  rpm,
  generic
};
std::string_view name(Type type);  // "deb"
std::optional<Type> type_of(std::string_view name);
std::span<const Type> types();
// Whether a distribution makes and mends such packages: apk, deb, rpm.
bool is_of_distribution(Type type);

// One installed package. Texts are UTF-8 (what was not is replaced) and bounded by the detectors.
struct Package {
  Type type = Type::deb;
  std::string name{};     // as its ecosystem writes it: "@babel/core", "org.slf4j:slf4j-api"
  std::string version{};  // in whole, epoch and release too: "1:1.2.13.dfsg-1"; may be empty
  std::string architecture{};
  // Of deb, apk and rpm: what it was built from, which is what most advisories name. Equal to name
  // and version where the database says nothing else; empty for other types.
  std::string source_name{};
  std::string source_version{};
  std::string module{};                 // of rpm: the modularity label, "nodejs:18:…"
  std::vector<std::string> licenses{};  // as the metadata writes them
  // The member of the layer that says that it is there, without a leading "/": a package database
  // or a file of its own. Inside an archive: "app/a.war!/WEB-INF/lib/b.jar".
  std::string path{};
  std::string owner{};     // the distribution's package that the file belongs to; "" none
  std::string detector{};  // that found it: "dpkg", "npm", "sbom"

  bool operator==(const Package&) const = default;
};

// Where a package's member lies in the layer: its path without what is inside an archive.
std::string_view member_of(const Package& package);

// The distribution, from os-release.
struct Release {
  std::string id{};           // "debian"
  std::string version_id{};   // "12"; empty for rolling ones
  std::string pretty_name{};  // "Debian GNU/Linux 12 (bookworm)"
  std::string cpe_name{};
  std::string path{};  // the member that says so

  bool operator==(const Release&) const = default;
};

// What one layer adds, replaces and takes away. Paths are members' names in one form: no leading
// "/", no "." and "..", "/" between parts.
struct Layer {
  std::vector<Package> packages{};
  std::optional<Release> release{};
  // Members that are package databases of a distribution, also when they list nothing: each takes
  // the place of one below it.
  std::vector<std::string> databases{};
  std::vector<std::string> files{};    // everything that is no folder, sorted by bytes
  std::vector<std::string> removed{};  // files and folders that whiteouts take away
  std::vector<std::string> emptied{};  // folders of which nothing from below is seen
  bool is_windows = false;             // Files/ and Hives/: nothing is looked for in it
  std::uint64_t size_bytes = 0;        // unpacked
  std::string diff_id{};               // "sha256:…" of the unpacked bytes
  // What could not be read and why, for people; bounded.
  std::vector<std::string> remarks{};

  bool operator==(const Layer&) const = default;
};

}  // namespace holdfast::packages
