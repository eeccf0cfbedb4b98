#include "token/scope.hpp"

#include <algorithm>

#include "oci/name.hpp"

namespace holdfast::token {

namespace {

constexpr std::size_t kEntryLimit = 64;

Actions parse_actions(std::string_view text) {
  Actions actions;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view word = text.substr(0, comma);
    if (word == "pull") actions.pull = true;
    if (word == "push") actions.push = true;
    if (word == "delete") actions.remove = true;
    if (word == "*") actions.all = true;
    if (comma == std::string_view::npos) return actions;
    text.remove_prefix(comma + 1);
  }
}

// "repository(plugin)" -> "repository"; empty for a type that we do not know.
std::string_view known_type(std::string_view type) {
  if (const std::size_t open = type.find('(');
      open != std::string_view::npos && type.ends_with(')')) {
    type = type.substr(0, open);
  }
  return type == "repository" || type == "registry" ? type : std::string_view();
}

void add(std::vector<Access>& list, std::string_view type, std::string_view name,
         const Actions& actions) {
  const auto same = std::ranges::find_if(
      list, [&](const Access& access) { return access.type == type && access.name == name; });
  if (same == list.end()) {
    if (list.size() < kEntryLimit) list.push_back({std::string(type), std::string(name), actions});
    return;
  }
  same->actions.pull |= actions.pull;
  same->actions.push |= actions.push;
  same->actions.remove |= actions.remove;
  same->actions.all |= actions.all;
}

bool is_host(std::string_view component) {
  return component == "localhost" || component.find_first_of(".:") != std::string_view::npos;
}

}  // namespace

std::vector<Access> parse_scopes(std::string_view text) {
  std::vector<Access> list;
  while (!text.empty()) {
    const std::string_view entry = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(entry.size() + 1, text.size()));
    const std::size_t first = entry.find(':');
    const std::size_t last = entry.rfind(':');
    if (first == last) continue;  // also when there is none
    const std::string_view type = known_type(entry.substr(0, first));
    const std::string_view name = entry.substr(first + 1, last - first - 1);
    if (type.empty() || name.empty()) continue;
    const Actions actions = parse_actions(entry.substr(last + 1));
    if (actions != Actions{}) add(list, type, name, actions);
  }
  return list;
}

std::optional<std::string> repository_of(std::string_view scope_name, std::string_view own_host) {
  const std::string_view head = scope_name.substr(0, scope_name.find('/'));
  if (!own_host.empty() && head == own_host && head.size() < scope_name.size()) {
    scope_name.remove_prefix(head.size() + 1);
  } else if (is_host(head)) {
    return std::nullopt;
  }
  const auto name = oci::RepositoryName::parse(scope_name);
  if (!name) return std::nullopt;
  return name->text();
}

std::vector<std::string_view> action_names(const Actions& actions) {
  std::vector<std::string_view> names;
  if (actions.pull) names.emplace_back("pull");
  if (actions.push) names.emplace_back("push");
  if (actions.remove) names.emplace_back("delete");
  if (actions.all) names.emplace_back("*");
  return names;
}

}  // namespace holdfast::token
