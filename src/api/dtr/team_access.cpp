// What teams may do: /repositories/…/teamAccess, /repositoryNamespaces/…/teamAccess, and what one
// team or one user has.
#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <map>

#include "api/dtr/handlers.hpp"

namespace holdfast::api::dtr {

namespace {

using access::Action;
using accounts::GrantTarget;
using accounts::Level;
using OnRepository = accounts::Grants::OnRepository;
using accounts::TeamAccess;

constexpr std::string_view kNotOfAnOrganization = "not_of_an_organization";

// A repository or a whole namespace, as a path names it, whose access the caller may manage.
struct Place {
  accounts::Account owner;
  std::shared_ptr<const repos::Repository> repository;  // null: the whole namespace

  [[nodiscard]] GrantTarget target() const {
    if (!repository) return {owner.id, 0, ""};
    return {owner.id, repository->id, repository->name.text()};
  }
};

Result<Place> repository_place(const Services& services, const Call& call) {
  Place place;
  HF_TRY(place.repository, find_repository(services, call, Action::manage_access));
  HF_TRY(place.owner, services.accounts.find(place.repository->namespace_id));
  return place;
}

Result<Place> namespace_place(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account owner,
         rest::find_account(services.accounts, call, call.parameters[0]));
  HF_CHECK(rest::need_owner(call, owner));
  return Place{owner, nullptr};
}

// The team that the last part of the path names.
Result<accounts::Team> find_team(const Services& services, const Call& call, const Place& place) {
  if (place.owner.kind != accounts::Kind::organization) {
    return fail(ErrorCode::invalid, kNotOfAnOrganization,
                fmt::format("{} is a user: only organizations have teams", place.owner.name));
  }
  return services.teams.find(place.owner.name, rest::team_reference(call.parameters.back()));
}

// `caller`: the name of who asks.
Result<boost::json::object> shown_team(const Services& services, std::string_view caller,
                                       const accounts::Account& owner, const accounts::Team& team) {
  HF_TRY(const bool is_in, rest::is_in_team(services.teams, owner.name, team, caller));
  return rest::shown(team, is_in);
}

// A repository inside another answer, as lists show it.
Result<boost::json::value> shown_row(const Services& services,
                                     const repos::Repository& repository) {
  HF_TRY(boost::json::array rows, shown_rows(services, {repository}));
  return std::move(rows.front());
}

Result<boost::json::object> shown_place(const Services& services, const Place& place) {
  if (!place.repository) return boost::json::object{{"namespace", place.owner.name}};
  HF_TRY(boost::json::value row, shown_row(services, *place.repository));
  return boost::json::object{{"repository", std::move(row)}};
}

Answer list(const Services& services, const Call& call, const Place& place) {
  HF_TRY(const Page page, page_of(call));
  std::optional<std::int64_t> total;
  if (page.count) {
    HF_TRY(total, services.grants.count(place.target()));
  }
  HF_TRY(const boost::json::object where, shown_place(services, place));
  std::string opening = boost::json::serialize(where);
  opening.back() = ',';
  return page_in_steps(
      services, page, opening + R"("teamAccessList":[)", "]}", total,
      [&services, target = place.target()](const std::string& start, std::int64_t limit) {
        return services.grants.of_target(target, start, limit);
      },
      [](const TeamAccess& row) { return row.team.name; },
      [&services, owner = place.owner, caller = call.subject().name](
          const std::vector<TeamAccess>& rows) -> Result<boost::json::array> {
        boost::json::array shown;
        for (const TeamAccess& row : rows) {
          HF_TRY(boost::json::object team, shown_team(services, caller, owner, row.team));
          shown.emplace_back(
              boost::json::object{{"accessLevel", name(row.level)}, {"team", std::move(team)}});
        }
        return shown;
      });
}

// The union of the shapes that DTR had: its clients read either.
Result<boost::json::object> shown_access(const Services& services, const Call& call,
                                         const Place& place, const accounts::Team& team,
                                         Level level) {
  HF_TRY(const boost::json::object who,
         shown_team(services, call.subject().name, place.owner, team));
  boost::json::object body = {{"accessLevel", name(level)}, {"team", who}};
  HF_TRY(const boost::json::object where, shown_place(services, place));
  for (const auto& [key, value] : where) body.emplace(key, value);
  body.emplace("teamAccessList", boost::json::array{boost::json::object{
                                     {"accessLevel", name(level)}, {"team", who}}});
  return body;
}

Answer set(const Services& services, const Call& call, const Place& place) {
  HF_TRY(const std::string word, call.fields.required_text("accessLevel"));
  const std::optional<Level> level = accounts::parse_level(word);
  if (!level) {
    return fail(ErrorCode::invalid, rest::kFieldInvalid,
                "\"accessLevel\" must be read-only, read-write or admin");
  }
  HF_TRY(const accounts::Team team, find_team(services, call, place));
  HF_CHECK(services.grants.set(team, place.target(), *level, call.actor()));
  HF_TRY(const boost::json::object body, shown_access(services, call, place, team, *level));
  return rest::json_response(200, body);
}

Answer remove(const Services& services, const Call& call, const Place& place) {
  HF_TRY(const accounts::Team team, find_team(services, call, place));
  HF_CHECK(services.grants.remove(team, place.target(), call.actor()));
  return http::Response(204);
}

Answer get(const Services& services, const Call& call, const Place& place) {
  HF_TRY(const accounts::Team team, find_team(services, call, place));
  HF_TRY(const Level level, services.grants.find(team, place.target()));
  HF_TRY(const boost::json::object body, shown_access(services, call, place, team, level));
  return rest::json_response(200, body);
}

// What is done, where the path says.
template <auto find_place, auto handler>
Answer at(const Services& services, const Call& call) {
  HF_TRY(const Place place, find_place(services, call));
  return handler(services, call, place);
}

// A member of the organization sees what a team has there as far as they see it at all.
Result<boost::json::array> shown_grants(const Services& services, const accounts::Subject& subject,
                                        const std::vector<OnRepository>& rows) {
  std::map<std::int64_t, Level> levels;
  std::vector<std::int64_t> ids;
  for (const OnRepository& row : rows) {
    levels[row.repository_id] = row.level;
    ids.push_back(row.repository_id);
  }
  HF_TRY(std::vector<repos::Repository> repositories, services.repositories.find(ids));
  std::erase_if(repositories, [&](const repos::Repository& repository) {
    return !access::decide(subject, Action::view, access::Object::of(repository));
  });
  HF_TRY(const boost::json::array shown, shown_rows(services, repositories));
  boost::json::array entries;
  for (std::size_t i = 0; i < repositories.size(); ++i) {
    entries.emplace_back(boost::json::object{{"accessLevel", name(levels[repositories[i].id])},
                                             {"repository", shown[i]}});
  }
  return entries;
}

// What a team was given on single repositories, for whoever belongs to the organization.
Answer list_of_team(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account owner,
         rest::find_organization(services.accounts, call, call.parameters[0]));
  HF_CHECK(rest::need_member(call, owner));
  HF_TRY(const accounts::Team team,
         services.teams.find(owner.name, rest::team_reference(call.parameters[1])));
  HF_TRY(const Page page, page_of(call));
  std::optional<std::int64_t> total;
  // Others do not see all that is counted.
  if (page.count && rest::need_owner(call, owner)) {
    HF_TRY(total, services.grants.count_of_team(team));
  }
  HF_TRY(const boost::json::object shown, shown_team(services, call.subject().name, owner, team));
  return page_in_steps(
      services, page,
      fmt::format(R"({{"team":{},"repositoryAccessList":[)", boost::json::serialize(shown)), "]}",
      total,
      [&services, team](const std::string& start, std::int64_t limit) {
        return services.grants.of_team(team, number_after(start), limit);
      },
      [](const OnRepository& row) { return std::to_string(row.repository_id - 1); },
      [&services, subject = call.caller.subject](const std::vector<OnRepository>& rows) {
        return shown_grants(services, *subject, rows);
      });
}

// The level that a user has in the end, by whatever way.
Answer get_of_user(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account user,
         rest::find_user(services.accounts, call, call.parameters[0]));
  if (user.id != call.subject().account_id) HF_CHECK(rest::need_administrator(call));
  HF_TRY(const auto repository,
         find_repository(services, call, call.parameters[1], call.parameters[2], Action::view));
  HF_TRY(const auto subject, services.accounts.subject(user.id));
  const access::Object object = access::Object::of(*repository);
  Level level = access::level(*subject, object);
  if (level == Level::none && access::decide(*subject, Action::pull, object)) {
    level = Level::read_only;
  }
  if (level == Level::none) {
    return fail(ErrorCode::not_found, repos::kRepositoryUnknown,
                fmt::format("{} has no access to {}", user.name, repository->name.text()));
  }
  HF_TRY(boost::json::value row, shown_row(services, *repository));
  return rest::json_response(200, boost::json::object{{"accessLevel", name(level)},
                                                      {"user", rest::shown(user)},
                                                      {"repository", std::move(row)}});
}

}  // namespace

std::vector<rest::Route> team_access_routes(const Services& services) {
  using http::Method;
  return {
      {Method::get, "/repositories/{namespace}/{repository}/teamAccess",
       bound(services, at<repository_place, list>)},
      {Method::put, "/repositories/{namespace}/{repository}/teamAccess/{team}",
       bound(services, at<repository_place, set>)},
      {Method::del, "/repositories/{namespace}/{repository}/teamAccess/{team}",
       bound(services, at<repository_place, remove>)},
      {Method::get, "/repositoryNamespaces/{namespace}/teamAccess",
       bound(services, at<namespace_place, list>)},
      {Method::get, "/repositoryNamespaces/{namespace}/teamAccess/{team}",
       bound(services, at<namespace_place, get>)},
      {Method::put, "/repositoryNamespaces/{namespace}/teamAccess/{team}",
       bound(services, at<namespace_place, set>)},
      {Method::del, "/repositoryNamespaces/{namespace}/teamAccess/{team}",
       bound(services, at<namespace_place, remove>)},
      {Method::get, "/accounts/{organization}/teams/{team}/repositoryAccess",
       bound(services, list_of_team)},
      {Method::get, "/accounts/{user}/repositoryAccess/{namespace}/{repository}",
       bound(services, get_of_user)},
  };
}

}  // namespace holdfast::api::dtr
