#include "api/rest/accounts.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <vector>

#include "base/random.hpp"
#include "codec/text.hpp"

namespace holdfast::api::rest {

namespace {

constexpr std::string_view kById = "id:";

bool belongs(const std::vector<std::int64_t>& sorted, std::int64_t id) {
  return std::ranges::binary_search(sorted, id);
}

// Service accounts are their organization's business.
bool may_see(const accounts::Subject& subject, const accounts::Account& account) {
  return account.organization_id == 0 || subject.is_administrator ||
         subject.account_id == account.id || belongs(subject.member_of, account.organization_id);
}

}  // namespace

Result<accounts::Account> find_account(accounts::Accounts& accounts, const Call& call,
                                       std::string_view reference) {
  HF_CHECK(need_login(call));
  const bool by_id = reference.starts_with(kById);
  const std::string_view key = by_id ? reference.substr(kById.size()) : reference;
  const Error unknown = fail(ErrorCode::not_found, accounts::kAccountUnknown,
                             fmt::format("there is no account {}", reference));
  // Out of a body comes what a database does not take as text.
  if (!codec::is_text(key)) return unknown;
  // No name has the form of an id.
  auto found = by_id || is_uuid(key) ? accounts.find_uuid(key) : accounts.find(key);
  const bool hidden =
      found ? !may_see(call.subject(), *found) : found.error().reason == accounts::kAccountUnknown;
  if (hidden) return unknown;
  return found;
}

Result<accounts::Account> find_user(accounts::Accounts& accounts, const Call& call,
                                    std::string_view reference) {
  HF_TRY(accounts::Account found, find_account(accounts, call, reference));
  if (found.kind == accounts::Kind::user) return found;
  return fail(ErrorCode::not_found, accounts::kAccountUnknown,
              fmt::format("{} is not a user", found.name));
}

Result<accounts::Account> find_organization(accounts::Accounts& accounts, const Call& call,
                                            std::string_view reference) {
  HF_TRY(accounts::Account found, find_account(accounts, call, reference));
  if (found.kind == accounts::Kind::organization) return found;
  return fail(ErrorCode::not_found, accounts::kAccountUnknown,
              fmt::format("{} is not an organization", found.name));
}

Result<accounts::Account> find_team_candidate(accounts::Accounts& accounts, const Call& call,
                                              const accounts::Account& organization,
                                              std::string_view reference) {
  HF_TRY(accounts::Account found, find_account(accounts, call, reference));
  if (found.kind == accounts::Kind::user || found.organization_id == organization.id) return found;
  return fail(ErrorCode::not_found, accounts::kAccountUnknown,
              fmt::format("{} is neither a user nor a service account of {}", found.name,
                          organization.name));
}

std::string_view team_reference(std::string_view reference) {
  return reference.starts_with(kById) ? reference.substr(kById.size()) : reference;
}

Result<bool> is_in_team(accounts::Teams& teams, std::string_view organization,
                        const accounts::Team& team, std::string_view user) {
  const auto member = teams.member(organization, team.uuid, user);
  if (!member && member.error().code != ErrorCode::not_found) return member.error();
  return member.has_value();
}

Result<void> need_owner(const Call& call, const accounts::Account& organization) {
  if (call.subject().is_administrator ||
      belongs(call.subject().owned_namespaces, organization.id)) {
    return {};
  }
  return not_allowed(fmt::format("only an owner of {} may do this", organization.name));
}

Result<void> need_member(const Call& call, const accounts::Account& organization) {
  if (call.subject().is_administrator || belongs(call.subject().member_of, organization.id)) {
    return {};
  }
  return not_allowed(fmt::format("only a member of {} may see this", organization.name));
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

boost::json::object shown(const accounts::Team& team, bool is_caller_in) {
  return {{"id", team.uuid},
          {"orgID", team.organization_uuid},
          {"name", team.name},
          {"description", team.description},
          {"membersCount", team.members_count},
          {"clientUserIsMember", is_caller_in}};
}

}  // namespace holdfast::api::rest
