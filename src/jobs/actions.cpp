#include "jobs/actions.hpp"

#include <fmt/format.h>
#include <utility>

namespace holdfast::jobs {

void Actions::add(Action action) {
  std::string name = action.name;
  actions_.insert_or_assign(std::move(name), std::move(action));
}

Result<const Action*> Actions::find(std::string_view name) const {
  const auto found = actions_.find(name);
  if (found != actions_.end()) return &found->second;
  constexpr std::size_t kShownBytes = 100;
  const std::string shown =
      name.size() <= kShownBytes ? fmt::format("\"{}\"", name) : "of so long a name";
  std::string known;
  for (const auto& [one, action] : actions_) known += (known.empty() ? "" : ", ") + one;
  return fail(ErrorCode::invalid, kActionUnknown,
              fmt::format("there is no action {}; there are: {}", shown, known));
}

std::vector<const Action*> Actions::all() const {
  std::vector<const Action*> all;
  all.reserve(actions_.size());
  for (const auto& [name, action] : actions_) all.push_back(&action);
  return all;
}

}  // namespace holdfast::jobs
