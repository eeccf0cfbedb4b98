// Whether a version is one of those that a record speaks of.
// https://ossf.github.io/osv-schema/#evaluation
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "versions/compare.hpp"

namespace holdfast::advisories {

struct Event {
  enum class Kind : char { introduced = 'i', fixed = 'f', last_affected = 'l', limit = 'x' };
  Kind kind = Kind::introduced;
  std::string version;
};

// One block of `affected`: ranges (without those of GIT) and single versions.
struct Affected {
  std::vector<std::vector<Event>> ranges{};
  std::vector<std::string> versions{};
};

// The form in the file, and back. Read leniently: the file is our own.
std::string pack(const Affected& affected);
Affected unpack(std::string_view text);

struct Verdict {
  bool is_affected = false;
  std::string fixed_version{};  // the end of the range that holds it; "": none is known
};
// A version that the scheme cannot read is affected by everything: nobody can tell.
Verdict judge(versions::Scheme scheme, const Affected& affected, std::string_view version);

}  // namespace holdfast::advisories
