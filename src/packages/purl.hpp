// Package URLs: https://github.com/package-url/purl-spec
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "packages/package.hpp"

namespace holdfast::packages {

// "pkg:deb/debian/bash@5.2.15-2%2Bb2?arch=amd64&distro=debian-12". `release` may be null; only
// packages of a distribution name it.
std::string purl(const Package& package, const Release* release);

struct Purl {
  Package package{};  // of deb, apk and rpm with what it was built from ("upstream=")
  // Of deb, apk and rpm: whose it is ("debian"), and of which release ("debian-12"); or "".
  std::string distribution{};
  std::string release{};
};
// What "pkg:TYPE/NAMESPACE/NAME@VERSION?QUALIFIERS#SUBPATH" names, of a type that is known;
// otherwise nothing.
std::optional<Purl> parse_purl(std::string_view text);

// The name as the type's advisories and PURLs compare it: PyPI's in PEP 503's form, NuGet's and
// Composer's in small letters, every other as it is.
std::string normal_name(Type type, std::string_view name);

}  // namespace holdfast::packages
