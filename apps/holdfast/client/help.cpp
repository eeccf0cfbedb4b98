#include "client/help.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace holdfast::client {

namespace {

std::string title(const Command& command) {
  return fmt::format("{}{}{}", command.noun, command.verb.empty() ? "" : " ", command.verb);
}

std::string shown(const Flag& flag) {
  return fmt::format("--{}{}{}", flag.name, flag.value.empty() ? "" : " ", flag.value);
}

std::vector<std::string_view> nouns() {
  std::vector<std::string_view> all;
  for (const Command& command : commands()) {
    if (std::ranges::find(all, command.noun) == all.end()) all.push_back(command.noun);
  }
  return all;
}

std::string verbs_of(std::string_view noun) {
  std::string list;
  for (const Command& command : commands()) {
    if (command.noun != noun || command.verb.empty()) continue;
    list += fmt::format("{}{}", list.empty() ? "" : ", ", command.verb);
  }
  return list;
}

// One on each line.
std::vector<std::string_view> examples_of(const Command& command) {
  std::vector<std::string_view> examples;
  std::string_view rest = command.example;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    examples.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return examples;
}

void keep(std::vector<std::string>& found, std::string_view candidate, std::string_view start) {
  if (!candidate.starts_with(start)) return;
  if (std::ranges::find(found, candidate) == found.end()) found.emplace_back(candidate);
}

}  // namespace

std::string usage_line(const Command& command) {
  std::string line = "holdfast " + title(command);
  for (const std::string_view argument : command.arguments) line += fmt::format(" {}", argument);
  return line + " [flags]";
}

std::string help_of(const Command& command) {
  std::string text =
      fmt::format("{}.\n\nUsage:\n  {}\n\nFlags:\n", command.summary, usage_line(command));
  const std::vector<Flag> flags = flags_of(command);
  std::size_t width = 0;
  for (const Flag& flag : flags) width = std::max(width, shown(flag).size());
  for (const Flag& flag : flags) {
    text += fmt::format("  {:<{}}  {}\n", shown(flag), width, flag.help);
  }
  text += "\nExample:\n";
  for (const std::string_view example : examples_of(command)) {
    text += fmt::format("  {}\n", example);
  }
  return text;
}

std::string help_of_noun(std::string_view noun) {
  std::string text = fmt::format("Usage:\n  holdfast {} VERB …\n\nVerbs:\n", noun);
  for (const Command& command : commands()) {
    if (command.noun == noun) text += fmt::format("  {:<14}  {}\n", command.verb, command.summary);
  }
  return text + fmt::format("\nholdfast {} VERB --help says more.\n", noun);
}

std::string help_of_nouns() {
  std::string text = "As a client of a server (holdfast login HOST first):\n";
  for (const std::string_view noun : nouns()) {
    const Command* alone = find_command(noun, "");
    text += fmt::format("  {:<11} {}\n", noun,
                        alone == nullptr ? verbs_of(noun) : std::string(alone->summary));
  }
  return text;
}

std::string guide() {
  std::string text;
  std::string_view noun;
  for (const Command& command : commands()) {
    if (command.noun != noun) text += fmt::format("\n### {}\n", command.noun);
    noun = command.noun;
    text += fmt::format("- `{}`: {}.\n", usage_line(command), command.summary);
    for (const Flag& flag : command.flags) {
      text += fmt::format("  - `{}` {}\n", shown(flag), flag.help);
    }
    for (const std::string_view example : examples_of(command)) {
      text += fmt::format("  - Example: `{}`\n", example);
    }
  }
  return text;
}

std::vector<std::string> completions(const std::vector<std::string>& words,
                                     const std::vector<std::string>& others) {
  std::vector<std::string> found;
  if (words.empty()) return found;
  const std::string_view start = words.back();
  if (words.size() == 1) {
    for (const std::string_view noun : nouns()) keep(found, noun, start);
    for (const std::string& other : others) keep(found, other, start);
    return found;
  }
  const Command* command = find_command(words[0], "");
  if (command == nullptr && words.size() == 2) {
    for (const Command& one : commands()) {
      if (one.noun == words[0]) keep(found, one.verb, start);
    }
    return found;
  }
  if (command == nullptr) command = find_command(words[0], words[1]);
  if (command == nullptr) return found;
  if (command->noun == "completion") {
    for (const std::string_view shell : {"bash", "zsh", "fish"}) keep(found, shell, start);
  }
  if (!start.starts_with('-')) return found;
  for (const Flag& flag : flags_of(*command)) keep(found, fmt::format("--{}", flag.name), start);
  return found;
}

std::string_view argument_at(const std::vector<std::string>& words) {
  if (words.size() < 2 || words.back().starts_with('-')) return "";
  const Command* command = find_command(words[0], "");
  std::size_t at = 1;
  if (command == nullptr) {
    command = find_command(words[0], words[1]);
    at = 2;
  }
  if (command == nullptr || at >= words.size()) return "";
  const std::vector<Flag> flags = flags_of(*command);
  std::size_t index = 0;
  for (; at + 1 < words.size(); ++at) {
    const auto flag = std::ranges::find_if(
        flags, [&](const Flag& one) { return words[at] == fmt::format("--{}", one.name); });
    if (flag != flags.end() && !flag->value.empty()) {
      ++at;  // its value
      if (at + 1 == words.size()) return "";
    } else if (!words[at].starts_with('-')) {
      ++index;
    }
  }
  return index < command->arguments.size() ? command->arguments[index] : std::string_view();
}

std::string completion_script(std::string_view shell) {
  if (shell == "bash") {
    return "_holdfast() {\n"
           "  local IFS=$'\\n'\n"
           "  COMPREPLY=($(holdfast __complete \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null))\n"
           "}\n"
           "complete -o default -F _holdfast holdfast\n";
  }
  if (shell == "zsh") {
    return "#compdef holdfast\n"
           "_holdfast() {\n"
           "  local -a found\n"
           "  found=(${(f)\"$(holdfast __complete \"${(@)words[2,CURRENT]}\" 2>/dev/null)\"})\n"
           "  compadd -a found\n"
           "}\n"
           "compdef _holdfast holdfast\n";
  }
  if (shell == "fish") {
    return "function __holdfast\n"
           "  set -l words (commandline -opc) (commandline -ct)\n"
           "  holdfast __complete $words[2..] 2>/dev/null\n"
           "end\n"
           "complete -c holdfast -f -a '(__holdfast)'\n";
  }
  return "";
}

}  // namespace holdfast::client
