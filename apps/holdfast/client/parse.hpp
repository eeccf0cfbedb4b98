// From words to a command and its values, and from these to a request.
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "client/commands.hpp"

namespace holdfast::client {

inline constexpr std::string_view kUsage = "usage";  // invalid: the words are not understood

struct Invocation {
  const Command* command = nullptr;
  std::map<std::string, std::string, std::less<>> values;  // of the arguments: {"org", "acme"}
  std::vector<std::pair<Flag, std::string>> flags;         // as given
  std::vector<std::string> rest;                           // KEY=VALUE...

  // The last value that was given; `otherwise` without one.
  [[nodiscard]] std::string flag(std::string_view name, std::string_view otherwise = "") const;
  [[nodiscard]] bool has(std::string_view name) const;
};

// `words` without the program's name; the first one is a noun. --help may stand anywhere and then
// nothing else is asked for. invalid/kUsage: with what is near to an unknown word.
Result<Invocation> parse(const std::vector<std::string>& words);

// The word of `known` that is nearest to what was typed; empty when none is near.
std::string nearest(std::string_view typed, const std::vector<std::string>& known);

// "{org}" replaced by values, as they are or percent-encoded.
std::string fill(std::string_view pattern, const Invocation& invocation, bool encode);
std::string percent_encoded(std::string_view text, bool slashes = false);  // true: '/' stays

// The path with its query. The body: no fields when there is nothing to say.
std::string target_of(const Invocation& invocation);
// invalid/kUsage for a flag's value that is none.
Result<boost::json::object> body_of(const Invocation& invocation, Timestamp now);

}  // namespace holdfast::client
