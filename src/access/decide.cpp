#include "access/decide.hpp"

#include <algorithm>

namespace holdfast::access {

namespace {

using accounts::Level;
using accounts::Subject;

bool owns(const Subject& subject, std::int64_t namespace_id) {
  return std::ranges::binary_search(subject.owned_namespaces, namespace_id);
}

// The level that an action on a repository needs.
Level needed(Action action) {
  switch (action) {
    case Action::view:
    case Action::pull:
      return Level::read_only;
    case Action::push:
    case Action::start_scan:
    case Action::delete_content:
      return Level::read_write;
    case Action::edit:
    case Action::set_visibility:
    case Action::manage_access:
    case Action::delete_repository:
    case Action::create_repository:
      return Level::admin;
  }
  return Level::admin;
}

}  // namespace

Object Object::of(const repos::Repository& repository) {
  return {repository.namespace_id, repository.id,
          repository.visibility == repos::Visibility::public_access};
}

Object Object::of_namespace(std::int64_t namespace_id) { return {namespace_id, 0, false}; }

accounts::Level level(const Subject& subject, const Object& object) {
  // Without an account there is no administrator and no owner; a scanner has the grant that it was
  // given.
  if (!subject.is_active) return Level::none;
  if (subject.is_administrator || owns(subject, object.namespace_id)) return Level::admin;
  Level highest = Level::none;
  for (const Subject::Grant& grant : subject.grants) {
    if (grant.namespace_id != object.namespace_id) continue;
    if (grant.repository_id != 0 && grant.repository_id != object.repository_id) continue;
    highest = std::max(highest, grant.level);
  }
  return highest;
}

bool decide(const Subject& subject, Action action, const Object& object) {
  if (!subject.is_active) return false;
  // Creating is for the namespace's owner: admin on its repositories by a grant is not ownership.
  if (action == Action::create_repository) {
    return subject.account_id != 0 &&
           (subject.is_administrator || owns(subject, object.namespace_id));
  }
  if (object.is_public && needed(action) == Level::read_only) return true;
  return level(subject, object) >= needed(action);
}

repos::VisibleSet visible_set(const Subject& subject) {
  repos::VisibleSet set;
  if (!subject.is_active) {
    set.public_ones = false;
    return set;
  }
  if (subject.account_id == 0) return set;
  set.all = subject.is_administrator;
  set.namespace_ids = subject.owned_namespaces;
  for (const Subject::Grant& grant : subject.grants) {
    if (grant.level == Level::none) continue;
    if (grant.repository_id == 0) {
      set.namespace_ids.push_back(grant.namespace_id);
    } else {
      set.repository_ids.push_back(grant.repository_id);
    }
  }
  // Own namespaces come sorted; a grant may name one of them again.
  std::ranges::sort(set.namespace_ids);
  const auto twice = std::ranges::unique(set.namespace_ids);
  set.namespace_ids.erase(twice.begin(), twice.end());
  return set;
}

}  // namespace holdfast::access
