// /accounts and /accounts/{account}.
#include <array>
#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "api/enzi/handlers.hpp"

namespace holdfast::api::enzi {

namespace {

constexpr std::string_view kOwnAccount = "own_account";

using accounts::AccountQuery;
using Filter = AccountQuery::Filter;

constexpr std::array<std::pair<std::string_view, Filter>, 7> kFilters = {{
    {"all", Filter::all},
    {"users", Filter::users},
    {"orgs", Filter::organizations},
    {"admins", Filter::administrators},
    {"non-admins", Filter::non_administrators},
    {"active-users", Filter::active_users},
    {"inactive-users", Filter::inactive_users},
}};

Result<AccountQuery> query_of(const Call& call) {
  HF_TRY(Page page, page_of(call));
  AccountQuery query;
  query.start = std::move(page.start);
  query.limit = page.limit;
  query.contains = call.text("contains");
  if (const std::string filter = call.text("filter"); !filter.empty()) {
    const auto* found = std::ranges::find(kFilters, filter, &decltype(kFilters)::value_type::first);
    if (found == kFilters.end()) {
      return fail(ErrorCode::invalid, rest::kQueryInvalid,
                  "\"filter\" must be all, users, orgs, admins, non-admins, active-users or "
                  "inactive-users");
    }
    query.filter = found->second;
  }
  std::string order = call.text("order");
  // '+' in a query is a blank, unless the client escapes it.
  if (order.starts_with('-')) query.descending = true;
  if (order.starts_with('-') || order.starts_with('+') || order.starts_with(' ')) order.erase(0, 1);
  if (order == "fullName") {
    query.order = AccountQuery::Order::full_name;
  } else if (!order.empty() && order != "name") {
    return fail(ErrorCode::invalid, rest::kQueryInvalid,
                "\"order\" must be name or fullName, with + or - before it");
  }
  return query;
}

Answer list(const Services& services, const Call& call) {
  HF_CHECK(rest::need_login(call));
  HF_TRY(AccountQuery query, query_of(call));
  HF_TRY(const accounts::AccountTotals totals, services.accounts.totals());
  const Page page{.start = query.start, .limit = query.limit};
  return page_response(
      services, "accounts", page,
      [&services, totals, query](const rest::PageEnd& end) -> Result<boost::json::object> {
        // What the page passed over already is not counted again.
        std::int64_t matching = query.start.empty() ? end.rows : 0;
        if (!query.start.empty() || !end.next.empty()) {
          AccountQuery rest = query;
          rest.start = query.start.empty() ? end.next : "";
          HF_TRY(const std::int64_t others, services.accounts.count(rest));
          matching += others;
        }
        return boost::json::object{{"usersCount", totals.users},
                                   {"orgsCount", totals.organizations},
                                   {"resourceCount", matching}};
      },
      [&services, query](const std::string& start, std::int64_t limit) mutable {
        query.start = start;
        query.limit = limit;
        return services.accounts.list(query);
      },
      [](const accounts::Account& account) { return shown(account); },
      [](const accounts::Account& account) { return account.name; });
}

Answer create(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const std::string name, call.fields.required_text("name"));
  HF_TRY(const auto full_name, call.fields.text("fullName"));
  HF_TRY(const auto is_organization, call.fields.flag("isOrg"));
  if (is_organization.value_or(false)) {
    HF_TRY(const accounts::Account made,
           services.accounts.create_organization(name, full_name.value_or(""), call.actor()));
    return rest::json_response(201, shown(made));
  }
  accounts::NewUser user;
  user.name = name;
  user.full_name = full_name.value_or("");
  HF_TRY(user.password, call.fields.required_text("password"));
  HF_TRY(const auto is_administrator, call.fields.flag("isAdmin"));
  HF_TRY(const auto is_active, call.fields.flag("isActive"));
  user.is_administrator = is_administrator.value_or(false);
  user.is_active = is_active.value_or(true);
  HF_TRY(const accounts::Account made, services.accounts.create_user(user, call.actor()));
  return rest::json_response(201, shown(made));
}

Answer get(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account account,
         rest::find_account(services.accounts, call, call.parameters[0]));
  return rest::json_response(200, shown(account));
}

// A user changes their own full name, an owner that of the organization; rights are for
// administrators.
Answer update(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account account,
         rest::find_account(services.accounts, call, call.parameters[0]));
  accounts::AccountChange change;
  HF_TRY(change.full_name, call.fields.text("fullName"));
  HF_TRY(change.is_administrator, call.fields.flag("isAdmin"));
  HF_TRY(change.is_active, call.fields.flag("isActive"));
  if (change.is_administrator || change.is_active) HF_CHECK(rest::need_administrator(call));
  HF_CHECK(rest::need_owner(call, account));
  HF_TRY(const accounts::Account changed,
         services.accounts.update(account.name, change, call.actor()));
  return rest::json_response(200, shown(changed));
}

Answer remove(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const accounts::Account account,
         rest::find_account(services.accounts, call, call.parameters[0]));
  HF_CHECK(remove_account(services, call, account));
  return http::Response(204);
}

// The other sessions of the user end. Automation that sets a password for others goes on as it was:
// they need not change it unless that is asked for.
Answer change_password(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account account,
         rest::find_user(services.accounts, call, call.parameters[0]));
  const bool own = account.id == call.subject().account_id;
  accounts::AccountChange change;
  HF_TRY(change.password, call.fields.required_text("newPassword"));
  if (!own) {
    HF_CHECK(rest::need_administrator(call));
    HF_CHECK(rest::need_settled(call.caller));
    HF_TRY(const auto must_change, call.fields.flag("mustChangePassword"));
    change.must_change_password = must_change.value_or(false);
  }
  if (own) {
    HF_TRY(const std::string old, call.fields.required_text("oldPassword"));
    const auto known = services.authenticator.authenticate(account.name, old, call.actor());
    if (!known && known.error().code == ErrorCode::unauthenticated) {
      return fail(ErrorCode::denied, rest::kNotAllowed, "the old password is wrong");
    }
    HF_CHECK(known);
    if (old == change.password) {
      return fail(ErrorCode::invalid, accounts::kPasswordInvalid,
                  "the new password is the one that you have: choose another one");
    }
    change.keep_session = call.caller.session;
  }
  HF_TRY(const accounts::Account changed,
         services.accounts.update(account.name, change, call.actor()));
  return rest::json_response(200, shown(changed));
}

Answer organizations_of(const Services& services, const Call& call) {
  HF_TRY(const accounts::Account user,
         rest::find_user(services.accounts, call, call.parameters[0]));
  if (user.id != call.subject().account_id) HF_CHECK(rest::need_administrator(call));
  HF_TRY(const Page page, page_of(call));
  return page_response(
      services, "memberOrgs", page, no_totals,
      [&services, user](const std::string& start, std::int64_t limit) {
        return services.organizations.of_user(user.name, start, limit);
      },
      [](const accounts::Membership& membership) {
        return boost::json::object{{"org", shown(membership.organization)},
                                   {"isAdmin", membership.is_owner}};
      },
      [](const accounts::Membership& membership) { return membership.organization.name; });
}

}  // namespace

Result<void> remove_account(const Services& services, const Call& call,
                            const accounts::Account& account) {
  if (account.id == call.subject().account_id) {
    return fail(ErrorCode::conflict, kOwnAccount,
                "an administrator cannot delete the account in use: let another one do it");
  }
  return services.accounts.remove(account.name, call.actor());
}

std::vector<rest::Route> account_routes(const Services& services) {
  using http::Method;
  return {
      {Method::get, "/accounts", bound(services, list)},
      {Method::post, "/accounts", bound(services, create)},
      {Method::get, "/accounts/{account}", bound(services, get)},
      {Method::patch, "/accounts/{account}", bound(services, update)},
      {Method::del, "/accounts/{account}", bound(services, remove)},
      {Method::post, "/accounts/{user}/changePassword", bound(services, change_password),
       rest::WhileReadOnly::refused, rest::Gate::unsettled},
      {Method::get, "/accounts/{user}/organizations", bound(services, organizations_of)},
  };
}

}  // namespace holdfast::api::enzi
