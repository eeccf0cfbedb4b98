#include "api/oci/route.hpp"

#include "http/form.hpp"

namespace holdfast::api::oci {

namespace {

using Kind = Route::Kind;

// Cuts "<rest>/<last>" into both; false when there is no '/'.
bool cut_last(std::string_view path, std::string_view& rest, std::string_view& last) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return false;
  rest = path.substr(0, slash);
  last = path.substr(slash + 1);
  return true;
}

Route named(Kind kind, std::string_view name, std::string_view reference) {
  auto decoded = http::percent_decode(reference);
  if (!decoded || name.empty()) return {};
  return {kind, name, *std::move(decoded)};
}

}  // namespace

Route parse_route(std::string_view path) {
  if (path == "/v2" || path == "/v2/") return {Kind::base, {}, {}};
  constexpr std::string_view kPrefix = "/v2/";
  if (!path.starts_with(kPrefix)) return {};
  path.remove_prefix(kPrefix.size());
  if (path == "_catalog") return {Kind::catalog, {}, {}};
  std::string_view rest;
  std::string_view last;
  std::string_view name;
  std::string_view noun;
  if (path.ends_with("/blobs/uploads"))
    return named(Kind::uploads, path.substr(0, path.size() - 14), {});
  if (!cut_last(path, rest, last) || !cut_last(rest, name, noun)) return {};
  if (noun == "uploads" && name.ends_with("/blobs")) {
    const std::string_view repository = name.substr(0, name.size() - 6);
    return named(last.empty() ? Kind::uploads : Kind::upload, repository, last);
  }
  if (noun == "manifests") return named(Kind::manifest, name, last);
  if (noun == "blobs") return named(Kind::blob, name, last);
  if (noun == "referrers") return named(Kind::referrers, name, last);
  if (noun == "tags" && last == "list") return named(Kind::tags, name, {});
  return {};
}

}  // namespace holdfast::api::oci
