// /accounts/{organization}/teams and their members.
#include <string_view>
#include <unordered_set>
#include <utility>

#include "api/enzi/handlers.hpp"

namespace holdfast::api::enzi {

namespace {

// The organization and the team that a path names.
struct Place {
  accounts::Account organization;
  accounts::Team team;
};

Result<Place> find_place(const Services& services, const Call& call) {
  Place place;
  HF_TRY(place.organization, rest::find_organization(services.accounts, call, call.parameters[0]));
  HF_CHECK(rest::need_member(call, place.organization));
  HF_TRY(place.team,
         services.teams.find(place.organization.name, rest::team_reference(call.parameters[1])));
  return place;
}

// Owners of the organization, and administrators of the team.
Result<void> need_team_administrator(const Services& services, const Call& call,
                                     const Place& place) {
  Result<void> owner = rest::need_owner(call, place.organization);
  if (owner) return {};
  const auto member =
      services.teams.member(place.organization.name, place.team.uuid, call.subject().name);
  if (member && member->is_admin) return {};
  return owner;
}

Answer answer(const Services& services, const Call& call, int status, const Place& place) {
  HF_TRY(const bool is_in, rest::is_in_team(services.teams, place.organization.name, place.team,
                                            call.subject().name));
  return rest::json_response(status, shown(place.team, is_in));
}

struct SeenTeam {
  accounts::Team team;
  bool is_caller_in = false;
};

// Teams of an organization in the order of their names, as the caller of this name sees them.
Result<std::vector<SeenTeam>> seen_teams(accounts::Teams& teams, std::string_view organization,
                                         std::string_view caller, std::string_view start,
                                         std::int64_t limit) {
  HF_TRY(std::vector<accounts::Team> rows, teams.list(organization, start, limit));
  // In the same order: no more than these can be among the rows.
  HF_TRY(const auto memberships, teams.of_member(organization, caller, start, limit));
  std::unordered_set<std::string_view> own;
  for (const accounts::TeamMembership& membership : memberships) own.insert(membership.team.uuid);
  std::vector<SeenTeam> seen;
  for (accounts::Team& team : rows) {
    const bool is_in = own.contains(team.uuid);
    seen.push_back({std::move(team), is_in});
  }
  return seen;
}

Answer list(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account organization,
         rest::find_organization(services.accounts, call, call.parameters[0]));
  HF_CHECK(rest::need_member(call, organization));
  HF_TRY(const Page page, page_of(call));
  return page_response(
      services, "teams", page, counted(organization.teams_count),
      [&services, organization, caller = call.subject().name](const std::string& start,
                                                              std::int64_t limit) {
        return seen_teams(services.teams, organization.name, caller, start, limit);
      },
      [](const SeenTeam& seen) { return shown(seen.team, seen.is_caller_in); },
      [](const SeenTeam& seen) { return seen.team.name; });
}

Answer create(const Services& services, const Call& call) {
  Place place;
  HF_TRY(place.organization, rest::find_organization(services.accounts, call, call.parameters[0]));
  HF_CHECK(rest::need_owner(call, place.organization));
  HF_TRY(const std::string name, call.fields.required_text("name"));
  HF_TRY(const auto description, call.fields.text("description"));
  HF_TRY(place.team, services.teams.create(place.organization.name, name, description.value_or(""),
                                           call.actor()));
  return answer(services, call, 201, place);
}

Answer get(const Services& services, const Call& call) {
  HF_TRY(const Place place, find_place(services, call));
  return answer(services, call, 200, place);
}

Answer update(const Services& services, const Call& call) {
  HF_TRY(Place place, find_place(services, call));
  HF_CHECK(rest::need_owner(call, place.organization));
  accounts::TeamChange change;
  HF_TRY(change.name, call.fields.text("name"));
  HF_TRY(change.description, call.fields.text("description"));
  HF_TRY(place.team,
         services.teams.update(place.organization.name, place.team.uuid, change, call.actor()));
  return answer(services, call, 200, place);
}

Answer remove(const Services& services, const Call& call) {
  HF_TRY(const Place place, find_place(services, call));
  HF_CHECK(rest::need_owner(call, place.organization));
  HF_CHECK(services.teams.remove(place.organization.name, place.team.uuid, call.actor()));
  return http::Response(204);
}

Answer list_members(const Services& services, const Call& call) {
  HF_TRY(const Place place, find_place(services, call));
  HF_TRY(accounts::MemberQuery query, member_query(call));
  return page_response(
      services, "members", {.start = query.start, .limit = query.limit},
      counted(place.team.members_count),
      [&services, place, query](const std::string& start, std::int64_t limit) mutable {
        query.start = start;
        query.limit = limit;
        return services.teams.members(place.organization.name, place.team.uuid, query);
      },
      [](const accounts::Member& member) { return shown(member); },
      [](const accounts::Member& member) { return member.user.uuid; });
}

Answer get_member(const Services& services, const Call& call) {
  HF_TRY(const Place place, find_place(services, call));
  HF_TRY(
      const accounts::Account user,
      rest::find_team_candidate(services.accounts, call, place.organization, call.parameters[2]));
  HF_TRY(const accounts::Member member,
         services.teams.member(place.organization.name, place.team.uuid, user.name));
  return rest::json_response(200, shown(member));
}

Answer put_member(const Services& services, const Call& call) {
  HF_TRY(const Place place, find_place(services, call));
  HF_TRY(
      const accounts::Account user,
      rest::find_team_candidate(services.accounts, call, place.organization, call.parameters[2]));
  HF_TRY(const auto is_admin, call.fields.flag("isAdmin"));
  HF_CHECK(need_team_administrator(services, call, place));
  // Whoever is not in the organization yet is let in by an owner alone.
  if (user.kind == accounts::Kind::user && !rest::need_owner(call, place.organization)) {
    HF_CHECK(services.organizations.member(place.organization.name, user.name));
  }
  HF_TRY(const accounts::Member member,
         services.teams.set_member(place.organization.name, place.team.uuid, user.name, is_admin,
                                   call.actor()));
  return rest::json_response(200, shown(member));
}

Answer remove_member(const Services& services, const Call& call) {
  HF_TRY(const Place place, find_place(services, call));
  HF_TRY(
      const accounts::Account user,
      rest::find_team_candidate(services.accounts, call, place.organization, call.parameters[2]));
  if (user.id != call.subject().account_id) {
    HF_CHECK(need_team_administrator(services, call, place));
  }
  HF_CHECK(services.teams.remove_member(place.organization.name, place.team.uuid, user.name,
                                        call.actor()));
  return http::Response(204);
}

}  // namespace

std::vector<rest::Route> team_routes(const Services& services) {
  using http::Method;
  return {
      {Method::get, "/accounts/{organization}/teams", bound(services, list)},
      {Method::post, "/accounts/{organization}/teams", bound(services, create)},
      {Method::get, "/accounts/{organization}/teams/{team}", bound(services, get)},
      {Method::patch, "/accounts/{organization}/teams/{team}", bound(services, update)},
      {Method::del, "/accounts/{organization}/teams/{team}", bound(services, remove)},
      {Method::get, "/accounts/{organization}/teams/{team}/members", bound(services, list_members)},
      {Method::get, "/accounts/{organization}/teams/{team}/members/{user}",
       bound(services, get_member)},
      {Method::put, "/accounts/{organization}/teams/{team}/members/{user}",
       bound(services, put_member)},
      {Method::patch, "/accounts/{organization}/teams/{team}/members/{user}",
       bound(services, put_member)},
      {Method::del, "/accounts/{organization}/teams/{team}/members/{user}",
       bound(services, remove_member)},
  };
}

}  // namespace holdfast::api::enzi
