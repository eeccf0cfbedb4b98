// What is asked for on the terminal.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace holdfast::client {

inline constexpr std::string_view kNoTerminal = "no_terminal";  // invalid: say it by a flag
inline constexpr std::string_view kNotGiven =
    "not_given";  // invalid: nothing, or not the same twice

// A line of standard input. invalid/kNotGiven when there is none.
Result<std::string> read_line();
// Asks on standard error. invalid/kNoTerminal (`instead` is the flag that does without),
// invalid/kNotGiven.
Result<std::string> ask(std::string_view prompt, std::string_view instead);
// The same without echo.
Result<std::string> ask_secret(std::string_view prompt, std::string_view instead);
// A new one, twice.
Result<std::string> ask_new_password();

}  // namespace holdfast::client
