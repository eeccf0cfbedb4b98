#include "dispatch.hpp"

#include <array>

namespace holdfast {

namespace {

using Match = Prefix::Match;

constexpr auto kPrefixes = std::to_array<Prefix>({
    {"/v2", Match::below, Area::registry},
    {"/auth/token", Match::exact, Area::token},
    {"/api/v0", Match::below, Area::dtr},
    {"/v1", Match::below, Area::dtr},
    {"/enzi/v0", Match::below, Area::enzi},
    {"/accounts", Match::below, Area::enzi},
    {"/auth/login", Match::below, Area::ucp},
    {"/id", Match::below, Area::ucp},
    {"/login_submit", Match::exact, Area::ucp},
    {"/api/ucp", Match::below, Area::ucp},
    {"/basic_info", Match::exact, Area::ucp},
    {"/openid_keys", Match::exact, Area::ucp},
    {"/_ping", Match::exact, Area::ops},
    {"/health", Match::exact, Area::ops},
    // Answered as /health: nobody wrote down the table that DTR had there.
    {"/load_balancer_status", Match::exact, Area::ops},
    {"/ca", Match::exact, Area::ops},
    {"/metrics", Match::exact, Area::ops},
});

bool matches(const Prefix& prefix, std::string_view path) {
  if (!path.starts_with(prefix.path)) return false;
  const std::string_view rest = path.substr(prefix.path.size());
  return rest.empty() || (prefix.match == Match::below && rest.front() == '/');
}

}  // namespace

std::span<const Prefix> prefixes() { return kPrefixes; }

Area area_of(std::string_view path) {
  for (const Prefix& prefix : kPrefixes) {
    if (matches(prefix, path)) return prefix.area;
  }
  return Area::web;
}

}  // namespace holdfast
