// The parts of the table of commands.
#pragma once

#include <vector>

#include "client/commands.hpp"

namespace holdfast::client {

std::vector<Command> session_commands();     // login, logout, completion, status
std::vector<Command> account_commands();     // user, org, team, token
std::vector<Command> repository_commands();  // repo, tag, search
std::vector<Command> operation_commands();   // event, job, cron, settings
std::vector<Command> scanning_commands();    // scan, advisories

}  // namespace holdfast::client
