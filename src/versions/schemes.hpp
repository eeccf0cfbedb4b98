// The schemes, one a file. Each has an order of the texts it can read, and says which those are;
// compare.cpp makes a total order of both.
#pragma once

#include <compare>
#include <string_view>

namespace holdfast::versions {

struct Rules {
  bool (*is_valid)(std::string_view version);
  // Of two valid ones.
  std::weak_ordering (*compare)(std::string_view a, std::string_view b);
};

extern const Rules kApk;       // apk-tools, src/version.c
extern const Rules kComposer;  // composer/semver, PHP's version_compare
extern const Rules kDpkg;      // deb-version(7)
extern const Rules kGem;       // Gem::Version
extern const Rules kGo;        // golang.org/x/mod/semver, and the names of Go's own releases
extern const Rules kMaven;     // org.apache.maven.artifact.versioning.ComparableVersion
extern const Rules kNpm;       // node-semver, with its loose beginnings
extern const Rules kNuget;     // NuGet.Versioning
extern const Rules kPep440;    // packaging.version
extern const Rules kRpm;       // rpmvercmp
extern const Rules kSemver;    // semver.org 2.0.0, parts behind the first may be missing

}  // namespace holdfast::versions
