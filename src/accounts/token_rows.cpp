#include "accounts/token_rows.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "oci/name.hpp"

namespace holdfast::accounts {

namespace {

constexpr std::size_t kScopeLimit = 64;
constexpr std::string_view kWholeNamespace = "/*";

std::vector<TokenScope> parse_scope(std::string_view text) {
  std::vector<TokenScope> scope;
  while (!text.empty()) {
    const std::string_view entry = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(entry.size() + 1, text.size()));
    const std::size_t colon = entry.find(':');
    const std::string_view actions = entry.substr(colon + 1);
    const auto has = [&](std::string_view word) {
      return actions.find(word) != std::string_view::npos;
    };
    scope.push_back({std::string(entry.substr(0, colon)), has("pull"), has("push"), has("delete")});
  }
  return scope;
}

bool is_valid(std::string_view repository) {
  if (repository.ends_with(kWholeNamespace)) {
    return oci::is_name_component(repository.substr(0, repository.size() - kWholeNamespace.size()));
  }
  return oci::RepositoryName::parse(repository).has_value();
}

bool covers(std::string_view pattern, std::string_view repository) {
  if (!pattern.ends_with(kWholeNamespace)) return pattern == repository;
  return repository.starts_with(pattern.substr(0, pattern.size() - 1));  // with the '/'
}

}  // namespace

TokenScope AccessToken::on(std::string_view repository) const {
  const bool all = scope.empty();
  TokenScope found{std::string(), all, all, all};
  for (const TokenScope& entry : scope) {
    if (!covers(entry.repository, repository)) continue;
    found.pull |= entry.pull;
    found.push |= entry.push;
    found.remove |= entry.remove;
  }
  return found;
}

std::string text(const std::vector<TokenScope>& scope) {
  std::string text;
  for (const TokenScope& entry : scope) {
    text += fmt::format("{}{}:", text.empty() ? "" : " ", entry.repository);
    if (entry.pull) text += "pull,";
    if (entry.push) text += "push,";
    if (entry.remove) text += "delete,";
    text.pop_back();
  }
  return text;
}

Result<void> check_scope(const std::vector<TokenScope>& scope) {
  if (scope.size() > kScopeLimit) {
    return fail(ErrorCode::invalid, kTokenScopeInvalid,
                fmt::format("a scope has at most {} entries", kScopeLimit));
  }
  for (const TokenScope& entry : scope) {
    if (!is_valid(entry.repository)) {
      return fail(ErrorCode::invalid, kTokenScopeInvalid,
                  "a scope names a repository (\"namespace/name\") or all of a namespace "
                  "(\"namespace/*\")");
    }
    if (!entry.pull && !entry.push && !entry.remove) {
      return fail(
          ErrorCode::invalid, kTokenScopeInvalid,
          fmt::format("the scope of {} has no action: pull, push or delete", entry.repository));
    }
  }
  return {};
}

AccessToken access_token_of(const db::Row& row) {
  const auto moment = [&](int column) -> std::optional<Timestamp> {
    const std::int64_t micros = row.integer(column);
    return micros == 0 ? std::optional<Timestamp>() : from_micros(micros);
  };
  AccessToken token;
  token.id = row.string(0);
  token.account_id = row.integer(1);
  token.label = row.string(2);
  token.is_active = row.boolean(3);
  token.created_at = from_micros(row.integer(4));
  token.last_used = moment(5);
  token.origin = row.integer(6) == 0 ? TokenOrigin::manual : TokenOrigin::automatic;
  token.client = row.string(7);
  token.expires_at = moment(8);
  token.scope = parse_scope(row.text(9));
  return token;
}

Result<AccessToken> access_token_in(db::Tx& tx, std::string_view id) {
  static const std::string sql =
      fmt::format("SELECT {} FROM access_tokens WHERE id = $1", kAccessTokenColumns);
  HF_TRY(auto found,
         tx.find<AccessToken>(sql, {id}, [](const db::Row& row) { return access_token_of(row); }));
  if (!found) {
    return fail(ErrorCode::not_found, kAccessTokenUnknown, "there is no such access token");
  }
  return *std::move(found);
}

}  // namespace holdfast::accounts
