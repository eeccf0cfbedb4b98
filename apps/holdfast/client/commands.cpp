#include "client/commands.hpp"

#include <algorithm>
#include <array>

#include "client/tables.hpp"

namespace holdfast::client {

namespace {

constexpr std::array<Flag, 5> kCommon = {{
    {"host", "HOST[:PORT]", To::local, "",
     "The server; otherwise HOLDFAST_HOST, or the last login"},
    {"ca", "FILE", To::local, "", "Trust this certificate authority alone (PEM)"},
    {"insecure", "", To::local, "", "Do not check the server's certificate"},
    {"json", "", To::local, "", "The server's JSON; lists are one array"},
    {"help", "", To::local, "", "Say how it is used"},
}};

std::vector<Command> all_commands() {
  std::vector<Command> all;
  for (auto part : {session_commands(), account_commands(), repository_commands(),
                    operation_commands(), scanning_commands()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace

std::span<const Command> commands() {
  static const std::vector<Command> all = all_commands();
  return all;
}

const Command* find_command(std::string_view noun, std::string_view verb) {
  const auto found = std::ranges::find_if(commands(), [&](const Command& command) {
    return command.noun == noun && command.verb == verb;
  });
  return found == commands().end() ? nullptr : &*found;
}

bool is_noun(std::string_view word) {
  return std::ranges::any_of(commands(),
                             [&](const Command& command) { return command.noun == word; });
}

std::span<const Flag> common_flags() { return kCommon; }

std::vector<Flag> flags_of(const Command& command) {
  std::vector<Flag> flags = command.flags;
  if (!command.rows.empty()) {
    const bool has_limit =
        std::ranges::any_of(flags, [](const Flag& flag) { return flag.name == "limit"; });
    if (!has_limit) {
      flags.push_back(
          {"limit", "N", To::local, "",
           command.paging == Paging::none ? "At most so many rows" : "At most so many rows (50)"});
      flags.push_back({"all", "", To::local, "", "Every row"});
    }
    flags.push_back({"quiet", "", To::local, "", "The first column alone (-q)"});
  }
  if (!command.confirm.empty()) flags.push_back({"yes", "", To::local, "", "Do not ask"});
  if (command.asks != Asks::nothing) {
    flags.push_back({"password-stdin", "", To::local, "",
                     command.asks == Asks::change_password
                         ? "Read it from standard input; for your own account first the old one"
                         : "Read it from standard input"});
  }
  flags.insert(flags.end(), kCommon.begin(), kCommon.end());
  return flags;
}

}  // namespace holdfast::client
