// PATCH /accounts: many changes in one request, each on its own.
#include <fmt/format.h>
#include <optional>
#include <utility>

#include "api/enzi/handlers.hpp"

namespace holdfast::api::enzi {

namespace {

constexpr std::size_t kOperationsAtMost = 1000;

// The change behind an operation's name; nothing for those that are no change.
std::optional<accounts::AccountChange> change_of(std::string_view operation) {
  if (operation == "activate") return accounts::AccountChange{.is_active = true};
  if (operation == "deactivate") return accounts::AccountChange{.is_active = false};
  if (operation == "promote") return accounts::AccountChange{.is_administrator = true};
  if (operation == "demote") return accounts::AccountChange{.is_administrator = false};
  return std::nullopt;
}

Result<void> run(const Services& services, const Call& call, const std::string& operation,
                 const std::string& reference) {
  const auto change = change_of(operation);
  if (!change && operation != "delete") {
    return fail(ErrorCode::invalid, rest::kFieldInvalid,
                "\"op\" must be activate, deactivate, promote, demote or delete");
  }
  HF_TRY(const accounts::Account account, rest::find_account(services.accounts, call, reference));
  if (!change) return remove_account(services, call, account);
  HF_CHECK(services.accounts.update(account.name, *change, call.actor()));
  return {};
}

Answer bulk(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const auto operations, call.fields.objects("operations"));
  if (!operations || operations->size() > kOperationsAtMost) {
    return fail(ErrorCode::invalid, rest::kFieldInvalid,
                fmt::format("\"operations\" must be a list of at most {}", kOperationsAtMost));
  }
  // All are read before the first is done: a mistake in the form changes nothing.
  std::vector<std::pair<std::string, std::string>> wanted;
  for (const rest::Fields& entry : *operations) {
    HF_TRY(std::string operation, entry.required_text("op"));
    HF_TRY(const auto reference, entry.text("ref"));
    wanted.emplace_back(std::move(operation), reference.value_or(""));
  }
  boost::json::array results;
  for (const auto& [operation, reference] : wanted) {
    const auto outcome = run(services, call, operation, reference);
    boost::json::object result = {
        {"op", operation}, {"ref", reference}, {"success", outcome.has_value()}};
    if (!outcome) result.emplace("error", rest::error_entry(outcome.error()));
    results.emplace_back(std::move(result));
  }
  return rest::json_response(200, boost::json::object{{"results", std::move(results)}});
}

}  // namespace

std::vector<rest::Route> bulk_routes(const Services& services) {
  return {{http::Method::patch, "/accounts", bound(services, bulk)}};
}

}  // namespace holdfast::api::enzi
