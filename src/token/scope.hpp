// The scope grammar of the token protocol: "repository:ns/app:pull,push".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::token {

// A set of actions on a repository, or "*" on the catalog.
struct Actions {
  bool pull = false;
  bool push = false;
  bool remove = false;  // "delete"
  bool all = false;     // "*": all of them, and what has no name
  bool operator==(const Actions&) const = default;
};

// One entry of a token's `access`.
struct Access {
  std::string type;  // "repository" or "registry"
  std::string name;  // as the client wrote it
  Actions actions;
};

// One scope or several joined by spaces, as a query parameter or form field holds them. Split at
// the first and the last ':' (a name may hold one: host:port/ns/repo). `repository(plugin)` counts
// as `repository`; unknown types, unknown actions and malformed entries are left out; duplicates
// merge; at most 64 entries are read.
std::vector<Access> parse_scopes(std::string_view text);
// The repository that a scope's name stands for: "host:port/ns/repo" with our own host gives
// "ns/repo"; nothing when it is no valid name here.
std::optional<std::string> repository_of(std::string_view scope_name, std::string_view own_host);
// {"pull", "push"} in the order the protocol prints them.
std::vector<std::string_view> action_names(const Actions& actions);

}  // namespace holdfast::token
