#include "api/enzi/enzi.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "api/enzi/handlers.hpp"
#include "base/random.hpp"

namespace holdfast::api::enzi {

namespace {

constexpr std::string_view kPrefix = "/enzi/v0";
constexpr std::string_view kById = "id:";

std::vector<rest::Route> all_routes(const Services& services) {
  std::vector<rest::Route> all = account_routes(services);
  for (auto& routes : {member_routes(services), team_routes(services)}) {
    all.insert(all.end(), routes.begin(), routes.end());
  }
  return all;
}

bool belongs(const std::vector<std::int64_t>& sorted, std::int64_t id) {
  return std::ranges::binary_search(sorted, id);
}

}  // namespace

Enzi::Enzi(const Services& services)
    : router_("enzi", all_routes(services), services.callers, services.pool) {}

boost::asio::awaitable<http::Response> Enzi::handle(http::Request& request, http::Body& body) {
  std::string_view path = request.path;
  if (path.starts_with(kPrefix)) path.remove_prefix(kPrefix.size());
  return router_.handle(request, body, path);
}

Result<accounts::Account> find_account(const Services& services, const Call& call,
                                       std::string_view reference) {
  HF_CHECK(rest::need_login(call));
  if (reference.starts_with(kById)) {
    return services.accounts.find_uuid(reference.substr(kById.size()));
  }
  // No name has the form of an id.
  return is_uuid(reference) ? services.accounts.find_uuid(reference)
                            : services.accounts.find(reference);
}

Result<accounts::Account> find_user(const Services& services, const Call& call,
                                    std::string_view reference) {
  HF_TRY(accounts::Account found, find_account(services, call, reference));
  if (found.kind == accounts::Kind::user) return found;
  return fail(ErrorCode::not_found, accounts::kAccountUnknown,
              fmt::format("{} is not a user", found.name));
}

Result<accounts::Account> find_organization(const Services& services, const Call& call,
                                            std::string_view reference) {
  HF_TRY(accounts::Account found, find_account(services, call, reference));
  if (found.kind == accounts::Kind::organization) return found;
  return fail(ErrorCode::not_found, accounts::kAccountUnknown,
              fmt::format("{} is not an organization", found.name));
}

std::string_view team_reference(std::string_view reference) {
  return reference.starts_with(kById) ? reference.substr(kById.size()) : reference;
}

Result<void> need_owner(const Call& call, const accounts::Account& organization) {
  if (call.subject().is_administrator ||
      belongs(call.subject().owned_namespaces, organization.id)) {
    return {};
  }
  return rest::not_allowed(fmt::format("only an owner of {} may do this", organization.name));
}

Result<void> need_member(const Call& call, const accounts::Account& organization) {
  if (call.subject().is_administrator || belongs(call.subject().member_of, organization.id)) {
    return {};
  }
  return rest::not_allowed(fmt::format("only a member of {} may see this", organization.name));
}

boost::json::object shown(const accounts::Account& account) {
  boost::json::object object = {{"name", account.name},
                                {"id", account.uuid},
                                {"fullName", account.full_name},
                                {"isOrg", account.kind == accounts::Kind::organization},
                                {"isAdmin", account.is_administrator},
                                {"isActive", account.is_active},
                                {"isImported", false}};
  if (account.kind == accounts::Kind::organization) {
    object.emplace("membersCount", account.members_count);
    object.emplace("teamsCount", account.teams_count);
  }
  return object;
}

boost::json::object shown(const accounts::Member& member) {
  return {{"member", shown(member.user)}, {"isAdmin", member.is_admin}};
}

boost::json::object shown(const accounts::Team& team) {
  return {{"id", team.uuid},
          {"orgID", team.organization_uuid},
          {"name", team.name},
          {"description", team.description},
          {"membersCount", team.members_count}};
}

Result<Page> page_of(const Call& call) {
  Page page;
  page.start = call.text("start");
  HF_TRY(page.limit, call.number("limit", 10, 1, rest::kLargestPage));
  return page;
}

Result<accounts::MemberQuery> member_query(const Call& call) {
  HF_TRY(Page page, page_of(call));
  accounts::MemberQuery query;
  query.start = std::move(page.start);
  query.limit = page.limit;
  const std::string filter = call.text("filter");
  if (filter == "admins") {
    query.filter = accounts::MemberFilter::admins;
  } else if (filter == "non-admins") {
    query.filter = accounts::MemberFilter::non_admins;
  } else if (!filter.empty() && filter != "all") {
    return fail(ErrorCode::invalid, rest::kQueryInvalid,
                "\"filter\" must be all, admins or non-admins");
  }
  return query;
}

}  // namespace holdfast::api::enzi
