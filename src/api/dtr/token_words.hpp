// Access tokens in JSON, for those of users and of service accounts alike.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/access_tokens.hpp"
#include "api/dtr/handlers.hpp"
#include "api/rest/fields.hpp"

namespace holdfast::api::dtr {

boost::json::object shown(const accounts::AccessToken& token);
// With its secret: the answer to who made it, and to nobody else.
boost::json::object shown_once(const accounts::AccessTokens::Created& made);

// A new token by tokenLabel, expiresAt and scope. invalid/kFieldInvalid.
Result<accounts::NewAccessToken> token_wanted(const rest::Fields& fields);

// What a PATCH asks for: tokenLabel, isActive. invalid/kFieldInvalid.
Result<accounts::AccessTokenChange> token_change(const rest::Fields& fields);

// A page from one row more than it may have.
http::Response tokens_response(const std::vector<accounts::AccessToken>& rows, const Page& page,
                               std::optional<std::int64_t> total);

// A time in RFC 3339; nothing for an empty text. invalid with the reason.
Result<std::optional<Timestamp>> moment(std::string_view name, const std::string& given,
                                        std::string_view reason);

}  // namespace holdfast::api::dtr
