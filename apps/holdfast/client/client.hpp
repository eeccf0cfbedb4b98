// `holdfast` as a client of a server: everything but serve, config, admin and their like.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace holdfast::client {

// Exit codes.
inline constexpr int kDone = 0;
inline constexpr int kRefused = 1;
inline constexpr int kMisunderstood = 2;
inline constexpr int kNotLoggedIn = 3;
inline constexpr int kNotReached = 4;
inline constexpr int kNotScanned = 5;  // of scan, where 1 says that --fail-on found something

// Whether this first word is one of ours.
bool is_ours(std::string_view word);
// Runs it; `server_verbs` are the verbs that are not ours, for completion. Answers go to standard
// output, questions and errors to standard error.
int run(const std::vector<std::string>& words, const std::vector<std::string>& server_verbs);
// "did you mean …" for a first word that nobody has; empty when none is near.
std::string suggestion(std::string_view word, const std::vector<std::string>& server_verbs);

}  // namespace holdfast::client
