// Which resource a path below /v2 names.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::api::oci {

struct Route {
  enum class Kind { base, catalog, tags, referrers, manifest, blob, uploads, upload, unknown };
  Kind kind = Kind::unknown;
  std::string_view name;  // of the repository, as it stands in the path
  std::string reference;  // tag, digest or session id, percent-decoded
};

// `path` begins with "/v2". The name is found from the right: it may hold components that look like
// ours ("a/blobs/uploads/x"). A broken escape in the reference makes the route unknown.
Route parse_route(std::string_view path);

}  // namespace holdfast::api::oci
