#include "accounts/logins.hpp"

#include <utility>

#include "base/random.hpp"

namespace holdfast::accounts {

namespace {

using Token = std::shared_ptr<const AccessToken>;

}  // namespace

std::optional<Login> Logins::remembered(std::string_view name, std::string_view secret) {
  if (is_uuid(secret)) {
    if (auto login = remembered_token(secret)) {
      const auto subject = accounts_.cached_subject(login->account_id);
      if (subject && subject->name == name) return login;
    }
  }
  const auto id = authenticator_.remembered(name, secret);
  if (!id) return std::nullopt;
  return Login{*id};
}

Result<Login> Logins::log_in(std::string_view name, std::string_view secret,
                             const events::Actor& actor) {
  if (is_uuid(secret)) {
    HF_TRY(const Token token, tokens_.verify(secret));
    if (token) {
      const auto subject = accounts_.subject(token->account_id);
      if (subject && (*subject)->is_active && (*subject)->name == name) {
        return Login{token->account_id, token};
      }
    }
  }
  HF_TRY(Account account, authenticator_.authenticate(name, secret, actor));
  return Login{account.id, nullptr, std::move(account)};
}

std::optional<Login> Logins::remembered_token(std::string_view secret) {
  const Token token = tokens_.remembered(secret);
  if (!token) return std::nullopt;
  return Login{token->account_id, token};
}

Result<Login> Logins::log_in_by_token(std::string_view secret, const events::Actor& actor) {
  if (is_uuid(secret)) {
    HF_TRY(const Token token, tokens_.verify(secret));
    if (token) return Login{token->account_id, token};
  }
  return authenticator_.refuse(actor);
}

std::optional<Login> Logins::remembered_id(std::string_view token_id, std::int64_t account_id) {
  const Token token = tokens_.remembered_id(token_id);
  if (!token || token->account_id != account_id) return std::nullopt;
  return Login{account_id, token};
}

Result<Login> Logins::log_in_by_id(std::string_view token_id, std::int64_t account_id) {
  HF_TRY(const Token token, tokens_.verify_id(token_id));
  if (token && token->account_id == account_id) return Login{account_id, token};
  return fail(ErrorCode::unauthenticated, kCredentialsWrong,
              "the access token is not valid any more");
}

}  // namespace holdfast::accounts
