#include "api/common/caller.hpp"

#include <algorithm>
#include <utility>

#include "api/common/session_credential.hpp"
#include "codec/text.hpp"
#include "http/text.hpp"

namespace holdfast::api {

namespace asio = boost::asio;

namespace {

constexpr std::string_view kCredentialMalformed = "credential_malformed";

// The credential behind a scheme, when the field begins with that scheme.
std::optional<std::string_view> credential(std::string_view field, std::string_view scheme) {
  if (field.size() <= scheme.size() || field[scheme.size()] != ' ' ||
      !http::equal_ignoring_case(field.substr(0, scheme.size()), scheme)) {
    return std::nullopt;
  }
  return http::trimmed(field.substr(scheme.size() + 1));
}

Error disabled() {
  return fail(ErrorCode::unauthenticated, accounts::kCredentialsWrong,
              "the user name or the password is wrong");
}

}  // namespace

Callers::Callers(accounts::Accounts& accounts, accounts::Authenticator& authenticator,
                 accounts::Sessions& sessions, holdfast::token::Tokens& tokens, Limits& limits,
                 const PublicUrl& url, async::BlockingPool& pool)
    : accounts_(accounts),
      authenticator_(authenticator),
      sessions_(sessions),
      tokens_(tokens),
      limits_(limits),
      url_(url),
      pool_(pool) {}

asio::awaitable<Result<Caller>> Callers::identify(http::Request& request) {
  Caller caller{accounts::Accounts::anonymous(), nullptr, false};
  const std::string_view field = request.field("authorization").value_or("");
  if (field.empty()) co_return caller;
  caller.has_credential = true;
  std::int64_t account_id = 0;
  if (const auto bearer = credential(field, "Bearer")) {
    HF_CO_TRY(caller.claims, tokens_.verify(*bearer, url_.service(request)));
    account_id = caller.claims->account_id;
  } else if (const auto basic = credential(field, "Basic")) {
    const auto password = parse_basic(*basic);
    if (!password) co_return disabled();
    if (const auto known = authenticator_.remembered(password->name, password->password)) {
      account_id = *known;
    } else {
      const events::Actor actor = actor_of(request, *caller.subject);
      HF_CO_TRY(const accounts::Account account, co_await pool_.run([&] {
        return authenticator_.authenticate(password->name, password->password, actor);
      }));
      account_id = account.id;
    }
  } else {
    co_return fail(ErrorCode::unauthenticated, kCredentialMalformed,
                   "the Authorization field is neither Bearer nor Basic");
  }
  if (account_id == 0) co_return caller;
  caller.subject = accounts_.cached_subject(account_id);
  if (!caller.subject) {
    HF_CO_TRY(caller.subject, co_await pool_.run([&] { return accounts_.subject(account_id); }));
  }
  HF_CO_CHECK(admit(request, *caller.subject));
  co_return caller;
}

asio::awaitable<Result<Caller>> Callers::identify_with_sessions(http::Request& request) {
  const auto credential = session_credential(request);
  if (!credential) co_return co_await identify(request);
  auto session = sessions_.remembered(credential->token);
  if (!session) {
    HF_CO_TRY(session, co_await pool_.run([&] { return sessions_.verify(credential->token); }));
  }
  HF_CO_CHECK(check_csrf(request, *credential));
  Caller caller{accounts_.cached_subject(session->account_id), nullptr, true, session->hash};
  if (!caller.subject) {
    HF_CO_TRY(caller.subject,
              co_await pool_.run([&] { return accounts_.subject(session->account_id); }));
  }
  HF_CO_CHECK(admit(request, *caller.subject));
  co_return caller;
}

Result<void> Callers::admit(http::Request& request, const accounts::Subject& subject) {
  if (!subject.is_active) return disabled();
  request.user = subject.name;
  return limits_.admit_user(subject.account_id);
}

events::Actor actor_of(const http::Request& request, const accounts::Subject& subject) {
  std::string agent(request.field("user-agent").value_or("").substr(0, 256));
  // A field may hold any byte from 0x80 on; text that is stored is UTF-8.
  std::ranges::replace_if(agent, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  return {subject.account_id, subject.name, request.client.address, std::move(agent), request.id};
}

std::optional<BasicCredential> parse_basic(std::string_view encoded) {
  const auto decoded = codec::from_base64(encoded);
  if (!decoded) return std::nullopt;
  const std::size_t colon = decoded->find(':');
  if (colon == std::string::npos) return std::nullopt;
  return BasicCredential{decoded->substr(0, colon), decoded->substr(colon + 1)};
}

}  // namespace holdfast::api
