// /accounts/{organization}/members: who belongs to an organization.
#include <string_view>
#include <unordered_set>

#include "api/enzi/handlers.hpp"

namespace holdfast::api::enzi {

namespace {

Answer list(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account organization,
         rest::find_organization(services.accounts, call, call.parameters[0]));
  HF_CHECK(rest::need_member(call, organization));
  HF_TRY(accounts::MemberQuery query, member_query(call));
  const std::int64_t limit = query.limit;
  query.limit += 1;
  HF_TRY(const std::vector<accounts::Member> rows,
         services.organizations.members(organization.name, query));
  return page_response(
      "members", rows, limit, {{"resourceCount", organization.members_count}},
      [](const accounts::Member& member) { return shown(member); },
      [](const accounts::Member& member) { return member.user.uuid; });
}

Answer get(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account organization,
         rest::find_organization(services.accounts, call, call.parameters[0]));
  HF_TRY(const accounts::Account user,
         rest::find_user(services.accounts, call, call.parameters[1]));
  if (user.id != call.subject().account_id) HF_CHECK(rest::need_member(call, organization));
  HF_TRY(const accounts::Member member,
         services.organizations.member(organization.name, user.name));
  return rest::json_response(200, shown(member));
}

Answer put(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account organization,
         rest::find_organization(services.accounts, call, call.parameters[0]));
  HF_CHECK(rest::need_owner(call, organization));
  HF_TRY(const accounts::Account user,
         rest::find_user(services.accounts, call, call.parameters[1]));
  HF_TRY(const auto is_owner, call.fields.flag("isAdmin"));
  HF_TRY(const accounts::Member member,
         services.organizations.set_member(organization.name, user.name, is_owner, call.actor()));
  return rest::json_response(200, shown(member));
}

// Owners take out anybody, everybody leaves by themselves.
Answer remove(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account organization,
         rest::find_organization(services.accounts, call, call.parameters[0]));
  HF_TRY(const accounts::Account user,
         rest::find_user(services.accounts, call, call.parameters[1]));
  if (user.id != call.subject().account_id) HF_CHECK(rest::need_owner(call, organization));
  HF_CHECK(services.organizations.remove_member(organization.name, user.name, call.actor()));
  return http::Response(204);
}

Answer teams_of(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account organization,
         rest::find_organization(services.accounts, call, call.parameters[0]));
  HF_TRY(const accounts::Account user,
         rest::find_team_candidate(services.accounts, call, organization, call.parameters[1]));
  if (user.id != call.subject().account_id) HF_CHECK(rest::need_member(call, organization));
  HF_TRY(const Page page, page_of(call));
  HF_TRY(const std::vector<accounts::TeamMembership> rows,
         services.teams.of_member(organization.name, user.name, page.start, page.limit + 1));
  std::unordered_set<std::string_view> shared;
  for (const accounts::TeamMembership& row : rows) {
    HF_TRY(const bool is_caller_in,
           rest::is_caller_in(services.teams, call, organization.name, row.team));
    if (is_caller_in) shared.insert(row.team.uuid);
  }
  return page_response(
      "memberTeams", rows, page.limit, {},
      [&](const accounts::TeamMembership& membership) {
        return boost::json::object{
            {"team", shown(membership.team, shared.contains(membership.team.uuid))},
            {"isAdmin", membership.is_admin}};
      },
      [](const accounts::TeamMembership& membership) { return membership.team.name; });
}

}  // namespace

std::vector<rest::Route> member_routes(const Services& services) {
  using http::Method;
  return {
      {Method::get, "/accounts/{organization}/members", bound(services, list)},
      {Method::get, "/accounts/{organization}/members/{user}", bound(services, get)},
      {Method::put, "/accounts/{organization}/members/{user}", bound(services, put)},
      {Method::patch, "/accounts/{organization}/members/{user}", bound(services, put)},
      {Method::del, "/accounts/{organization}/members/{user}", bound(services, remove)},
      {Method::get, "/accounts/{organization}/members/{user}/teams", bound(services, teams_of)},
  };
}

}  // namespace holdfast::api::enzi
