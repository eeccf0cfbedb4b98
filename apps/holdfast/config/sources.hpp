// Where values come from: default, file, variable, flag; the later wins.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/settings.hpp"

namespace holdfast::config {

// Something that the operator must change. All of them are shown at once.
struct Problem {
  std::string where;    // "holdfast.toml:3:10", "HOLDFAST_HTTPS_LISTEN", "--https.listen"
  std::string message;  // what is wrong and what to write instead
};
// "holdfast.toml:3:10: https.listen …".
std::string text(const Problem& problem);

// The value of one setting and the source that gave it.
struct Resolved {
  Value value;
  std::string source;  // "default", or as Problem::where
};

// A value for every setting.
class Values {
 public:
  Values();  // all defaults
  [[nodiscard]] const Resolved& of(std::string_view name) const;
  void set(const Setting& setting, Value value, std::string source);

 private:
  std::vector<Resolved> values_;  // in the order of settings()
};

using Pairs = std::vector<std::pair<std::string, std::string>>;

// What to read. Flags are pairs of a setting's name and its text.
struct Sources {
  std::optional<std::string> file;  // a path
  Pairs environment;
  Pairs flags;
};

// Everything together. A value that is wrong leaves the one before in its place and a problem.
Values gather(const Sources& sources, std::vector<Problem>& problems);

// One TOML text; `file` is what problems call it. Never throws, whatever the text.
void read_toml(std::string_view toml, std::string_view file, Values& values,
               std::vector<Problem>& problems);

// The HOLDFAST_ variables that are no settings.
inline constexpr std::string_view kConfigVariable = "HOLDFAST_CONFIG";
inline constexpr std::string_view kAdminPasswordVariable = "HOLDFAST_ADMIN_PASSWORD";
// The HOLDFAST_ variables of this process.
Pairs environment();

}  // namespace holdfast::config
