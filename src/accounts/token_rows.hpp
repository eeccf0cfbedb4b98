// Rows of access tokens, for the files that read them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "accounts/access_tokens.hpp"
#include "db/database.hpp"

namespace holdfast::accounts {

inline constexpr std::string_view kAccessTokenColumns =
    "id, account_id, label, is_active, created_at, last_used, origin, client, expires_at, scope";
AccessToken access_token_of(const db::Row& row);

// kAccessTokenUnknown.
Result<AccessToken> access_token_in(db::Tx& tx, std::string_view id);

// A scope as a column holds it: "ns/app:pull,push ns/*:pull".
std::string text(const std::vector<TokenScope>& scope);
Result<void> check_scope(const std::vector<TokenScope>& scope);

}  // namespace holdfast::accounts
