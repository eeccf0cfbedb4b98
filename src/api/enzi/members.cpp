// /accounts/{organization}/members: who belongs to an organization.
#include <string_view>
#include <utility>

#include "api/enzi/handlers.hpp"

namespace holdfast::api::enzi {

namespace {

Answer list(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account organization,
         rest::find_organization(services.accounts, call, call.parameters[0]));
  HF_CHECK(rest::need_member(call, organization));
  HF_TRY(accounts::MemberQuery query, member_query(call));
  return page_response(
      services, "members", {.start = query.start, .limit = query.limit},
      counted(organization.members_count),
      [&services, organization, query](const std::string& start, std::int64_t limit) mutable {
        query.start = start;
        query.limit = limit;
        return services.organizations.members(organization.name, query);
      },
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

struct SeenMembership {
  accounts::TeamMembership membership;
  bool is_caller_in = false;
};

// The teams that a user is in, in the order of their names, as the caller of this name sees them.
Result<std::vector<SeenMembership>> seen_memberships(accounts::Teams& teams,
                                                     std::string_view organization,
                                                     std::string_view user, std::string_view caller,
                                                     std::string_view start, std::int64_t limit) {
  HF_TRY(std::vector<accounts::TeamMembership> rows,
         teams.of_member(organization, user, start, limit));
  std::vector<SeenMembership> seen;
  for (accounts::TeamMembership& row : rows) {
    bool is_in = user == caller;
    if (!is_in) {
      HF_TRY(is_in, rest::is_in_team(teams, organization, row.team, caller));
    }
    seen.push_back({std::move(row), is_in});
  }
  return seen;
}

Answer teams_of(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account organization,
         rest::find_organization(services.accounts, call, call.parameters[0]));
  HF_TRY(const accounts::Account user,
         rest::find_team_candidate(services.accounts, call, organization, call.parameters[1]));
  if (user.id != call.subject().account_id) HF_CHECK(rest::need_member(call, organization));
  HF_TRY(const Page page, page_of(call));
  return page_response(
      services, "memberTeams", page, no_totals,
      [&services, organization, user, caller = call.subject().name](const std::string& start,
                                                                    std::int64_t limit) {
        return seen_memberships(services.teams, organization.name, user.name, caller, start, limit);
      },
      [](const SeenMembership& seen) {
        return boost::json::object{{"team", shown(seen.membership.team, seen.is_caller_in)},
                                   {"isAdmin", seen.membership.is_admin}};
      },
      [](const SeenMembership& seen) { return seen.membership.team.name; });
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
