#include "api/oci/route.hpp"

#include <gtest/gtest.h>

namespace holdfast::api::oci {
namespace {

using Kind = Route::Kind;

TEST(Route, NamesEveryResource) {
  struct Case {
    std::string_view path;
    Kind kind;
    std::string_view name;
    std::string_view reference;
  };
  const Case cases[] = {
      {"/v2", Kind::base, "", ""},
      {"/v2/", Kind::base, "", ""},
      {"/v2/_catalog", Kind::catalog, "", ""},
      {"/v2/a/b/tags/list", Kind::tags, "a/b", ""},
      {"/v2/a/b/manifests/latest", Kind::manifest, "a/b", "latest"},
      {"/v2/a/b/manifests/sha256%3Aab", Kind::manifest, "a/b", "sha256:ab"},
      {"/v2/a/b/blobs/sha256:ab", Kind::blob, "a/b", "sha256:ab"},
      {"/v2/a/b/blobs/uploads/", Kind::uploads, "a/b", ""},
      {"/v2/a/b/blobs/uploads", Kind::uploads, "a/b", ""},
      {"/v2/a/b/blobs/uploads/id", Kind::upload, "a/b", "id"},
      {"/v2/a/b/referrers/sha256:ab", Kind::referrers, "a/b", "sha256:ab"},
      {"/v2/a/blobs/uploads/tags/list", Kind::tags, "a/blobs/uploads", ""},
      {"/v2/a/manifests/manifests/manifests", Kind::manifest, "a/manifests", "manifests"},
      {"/v2/a%2fb/tags/list", Kind::tags, "a%2fb", ""},
      {"/v2/../x/tags/list", Kind::tags, "../x", ""},
  };
  for (const Case& one : cases) {
    const Route route = parse_route(one.path);
    EXPECT_EQ(route.kind, one.kind) << one.path;
    EXPECT_EQ(route.name, one.name) << one.path;
    EXPECT_EQ(route.reference, one.reference) << one.path;
  }
  for (const std::string_view path :
       {"/v2x", "/v2/a", "/v2/a/b", "/v2/manifests/x", "/v2/a/b/manifests/%", "/v2//manifests/x",
        "/v2/tags/list", "/v2/a/b/tags/other", "/v2/a/b/blobs/uploads/x/y"}) {
    EXPECT_EQ(parse_route(path).kind, Kind::unknown) << path;
  }
}

}  // namespace
}  // namespace holdfast::api::oci
