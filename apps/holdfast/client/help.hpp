// What the table says to people and to shells.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "client/commands.hpp"

namespace holdfast::client {

// "holdfast team grant ORG[/REPO] TEAM LEVEL [flags]"
std::string usage_line(const Command& command);
// Summary, usage, flags, an example.
std::string help_of(const Command& command);
// The verbs of a noun.
std::string help_of_noun(std::string_view noun);
// A line for each noun: what the program's own help ends with.
std::string help_of_nouns();
// docs/guide/cli.md below its first part.
std::string guide();

// What may come next, one a line, that begins with the last of `words` (which may be empty);
// `others` are the verbs that are not of the client.
std::vector<std::string> completions(const std::vector<std::string>& words,
                                     const std::vector<std::string>& others);
// What the table calls the argument that the last of `words` is; empty for flags and beyond the
// last.
std::string_view argument_at(const std::vector<std::string>& words);
// The script for bash, zsh or fish; empty for another shell.
std::string completion_script(std::string_view shell);

}  // namespace holdfast::client
