// /accounts/{organization}/teams and their members.
#include <string_view>
#include <unordered_set>

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
  HF_TRY(const bool is_caller_in,
         rest::is_caller_in(services.teams, call, place.organization.name, place.team));
  return rest::json_response(status, shown(place.team, is_caller_in));
}

Answer list(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account organization,
         rest::find_organization(services.accounts, call, call.parameters[0]));
  HF_CHECK(rest::need_member(call, organization));
  HF_TRY(const Page page, page_of(call));
  HF_TRY(const std::vector<accounts::Team> rows,
         services.teams.list(organization.name, page.start, page.limit + 1));
  // Both are in the order of the names: these are all that the page can have.
  HF_TRY(const std::vector<accounts::TeamMembership> memberships,
         services.teams.of_member(organization.name, call.subject().name, page.start, page.limit));
  std::unordered_set<std::string_view> own;
  for (const accounts::TeamMembership& membership : memberships) own.insert(membership.team.uuid);
  return page_response(
      "teams", rows, page.limit, {{"resourceCount", organization.teams_count}},
      [&](const accounts::Team& team) { return shown(team, own.contains(team.uuid)); },
      [](const accounts::Team& team) { return team.name; });
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
  const std::int64_t limit = query.limit;
  query.limit += 1;
  HF_TRY(const std::vector<accounts::Member> rows,
         services.teams.members(place.organization.name, place.team.uuid, query));
  return page_response(
      "members", rows, limit, {{"resourceCount", place.team.members_count}},
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
