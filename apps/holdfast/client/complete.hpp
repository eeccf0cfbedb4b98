// Names that the server knows, for completion.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace holdfast::client {

// Those that begin with `start` and fit what the table calls the argument: repositories,
// organizations, users. Nothing when nobody is logged in or the server does not answer: a shell
// waits.
std::vector<std::string> known_names(std::string_view argument, const std::string& start);

}  // namespace holdfast::client
