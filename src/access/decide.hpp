// The one function that decides access (invariant 3): pure, over immutable values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "accounts/accounts.hpp"
#include "repos/repository.hpp"

namespace holdfast::access {

// What somebody wants to do. The levels give: read-only = view, pull; read-write = + push,
// start_scan, delete_tag; admin = + edit (description, README), set_visibility, manage_access,
// delete_repository.
enum class Action : std::uint8_t {
  view,
  pull,
  push,
  start_scan,
  delete_content,  // tags, manifests, blobs
  edit,
  set_visibility,
  manage_access,
  delete_repository,
  create_repository,  // object: the namespace
};

// On what: an existing repository, or a namespace (create_repository).
struct Object {
  std::int64_t namespace_id = 0;
  std::int64_t repository_id = 0;
  bool is_public = false;

  static Object of(const repos::Repository& repository);
  static Object of_namespace(std::int64_t namespace_id);
};

// May `subject` do `action` on `object`? An inactive subject may do nothing. An administrator may
// do everything. Owners of a namespace have admin there. Public repositories give everyone,
// anonymous too, view and pull. Grants are additive, the highest wins.
bool decide(const accounts::Subject& subject, Action action, const Object& object);

// The highest level that `subject` has on `object` by ownership and grants (visibility apart).
accounts::Level level(const accounts::Subject& subject, const Object& object);

// What `subject` sees in lists.
repos::VisibleSet visible_set(const accounts::Subject& subject);

}  // namespace holdfast::access
