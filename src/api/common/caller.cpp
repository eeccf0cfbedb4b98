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
constexpr int kFieldsAtMost = 4;  // each may cost a look at a password

// The credential behind a scheme, when the field begins with that scheme.
std::optional<std::string_view> credential(std::string_view field, std::string_view scheme) {
  if (field.size() <= scheme.size() || field[scheme.size()] != ' ' ||
      !http::equal_ignoring_case(field.substr(0, scheme.size()), scheme)) {
    return std::nullopt;
  }
  return http::trimmed(field.substr(scheme.size() + 1));
}

Error wrong() {
  return fail(ErrorCode::unauthenticated, accounts::kCredentialsWrong,
              "the user name or the password is wrong");
}

}  // namespace

struct Callers::Given {
  enum class Kind : std::uint8_t { field, access_token };
  Kind kind = Kind::field;
  std::string_view text;
};

Callers::Callers(accounts::Accounts& accounts, accounts::Logins& logins,
                 accounts::Sessions& sessions, holdfast::token::Tokens& tokens, Limits& limits,
                 const PublicUrl& url, async::BlockingPool& pool, ScanSubject scan_subject)
    : accounts_(accounts),
      logins_(logins),
      sessions_(sessions),
      tokens_(tokens),
      limits_(limits),
      url_(url),
      pool_(pool),
      scan_subject_(std::move(scan_subject)) {}

std::optional<Result<Callers::Proof>> Callers::from_memory(const http::Request& request,
                                                           const Given& given) {
  const auto known =
      [](std::optional<accounts::Login> login,
         std::shared_ptr<const holdfast::token::Claims> claims) -> std::optional<Result<Proof>> {
    if (!login) return std::nullopt;
    return Proof{*std::move(login), std::move(claims)};
  };
  if (given.kind == Given::Kind::access_token) {
    return known(logins_.remembered_token(given.text), nullptr);
  }
  if (const auto bearer = credential(given.text, "Bearer")) {
    if (!tokens_.is_current()) return std::nullopt;
    auto claims = tokens_.verify(*bearer, url_.service(request));
    if (!claims) return std::move(claims).error();
    if (!(*claims)->scan.empty()) return std::nullopt;
    const std::int64_t account_id = (*claims)->account_id;
    if ((*claims)->access_token.empty()) return Proof{{account_id, nullptr}, *std::move(claims)};
    return known(logins_.remembered_id((*claims)->access_token, account_id), *claims);
  }
  const auto basic = credential(given.text, "Basic");
  if (!basic) {
    return fail(ErrorCode::unauthenticated, kCredentialMalformed,
                "the Authorization field is neither Bearer nor Basic");
  }
  const auto password = parse_basic(*basic);
  // Nobody has an empty name: that is a client that had no credential to fill in.
  if (!password || password->name.empty()) return wrong();
  return known(logins_.remembered(password->name, password->password), nullptr);
}

// What from_memory() left open.
Result<Callers::Proof> Callers::from_database(const http::Request& request, const Given& given) {
  const events::Actor actor = actor_of(request, *accounts::Accounts::anonymous());
  Proof proof;
  if (given.kind == Given::Kind::access_token) {
    HF_TRY(proof.login, logins_.log_in_by_token(given.text, actor));
  } else if (const auto bearer = credential(given.text, "Bearer")) {
    HF_CHECK(tokens_.refresh());
    HF_TRY(proof.claims, tokens_.verify(*bearer, url_.service(request)));
    if (!proof.claims->scan.empty()) {
      HF_TRY(proof.scanner, scan_subject_(proof.claims->scan));
      if (!proof.scanner) return wrong();
      return proof;
    }
    if (proof.claims->access_token.empty()) {
      proof.login.account_id = proof.claims->account_id;
      return proof;
    }
    HF_TRY(proof.login, logins_.log_in_by_id(proof.claims->access_token, proof.claims->account_id));
  } else if (const auto basic = credential(given.text, "Basic")) {
    const auto password = parse_basic(*basic);
    if (!password) return wrong();
    HF_TRY(proof.login, logins_.log_in(password->name, password->password, actor));
  }
  return proof;
}

asio::awaitable<Result<Caller>> Callers::identify(http::Request& request,
                                                  std::string_view access_token) {
  Caller caller{.subject = accounts::Accounts::anonymous()};
  std::optional<Proof> proof;
  std::optional<Error> refused;
  const auto look_at = [&](Result<Proof> outcome) {
    if (outcome) {
      proof = *std::move(outcome);
    } else if (!refused || outcome.error().code != ErrorCode::unauthenticated) {
      refused = std::move(outcome).error();
    }
  };
  int fields = 0;
  // The access token first, then the fields.
  auto field = request.fields.cbegin();
  while (!proof && fields < kFieldsAtMost) {
    Given given{Given::Kind::access_token, std::exchange(access_token, {})};
    if (given.text.empty()) {
      while (field != request.fields.cend() &&
             (field->second.empty() || !http::equal_ignoring_case(field->first, "authorization"))) {
        ++field;
      }
      if (field == request.fields.cend()) break;
      given = {Given::Kind::field, (field++)->second};
      ++fields;
    }
    caller.has_credential = true;
    if (auto known = from_memory(request, given)) {
      look_at(*std::move(known));
    } else {
      look_at(co_await pool_.run([&] { return from_database(request, given); }));
    }
  }
  if (!proof && refused) co_return *std::move(refused);
  if (!proof) co_return caller;
  caller.claims = std::move(proof->claims);
  caller.access_token = std::move(proof->login.token);
  if (proof->scanner) {
    caller.subject = std::move(proof->scanner);
    request.user = caller.subject->name;
    co_return caller;
  }
  const std::int64_t account_id = proof->login.account_id;
  if (account_id == 0) co_return caller;
  caller.subject = accounts_.cached_subject(account_id);
  if (!caller.subject) {
    auto subject = co_await pool_.run([&] { return accounts_.subject(account_id); });
    if (!subject && subject.error().reason == accounts::kAccountUnknown) co_return wrong();
    HF_CO_TRY(caller.subject, std::move(subject));
  }
  // What a password brought ends with it; an access token was looked at itself.
  if (caller.claims && !caller.access_token && caller.claims->version != caller.subject->version) {
    co_return wrong();
  }
  HF_CO_CHECK(admit(request, *caller.subject));
  co_return caller;
}

asio::awaitable<Result<Caller>> Callers::identify_with_sessions(http::Request& request,
                                                                std::string_view access_token) {
  const auto credential = session_credential(request);
  if (!credential || !access_token.empty()) {
    auto caller = co_await identify(request, access_token);
    if (!credential || caller) co_return caller;
  }
  auto session = sessions_.remembered(credential->token);
  if (!session) {
    auto found = co_await pool_.run([&] { return sessions_.verify(credential->token); });
    // Another field may be good; with an access token they have been tried.
    if (!found && credential->from == SessionCredential::From::bearer && access_token.empty()) {
      auto other = co_await identify(request);
      if (other) co_return other;
    }
    HF_CO_TRY(session, std::move(found));
  }
  HF_CO_CHECK(check_csrf(request, *credential));
  Caller caller{.subject = accounts_.cached_subject(session->account_id),
                .has_credential = true,
                .session = session->hash};
  if (!caller.subject) {
    HF_CO_TRY(caller.subject,
              co_await pool_.run([&] { return accounts_.subject(session->account_id); }));
  }
  HF_CO_CHECK(admit(request, *caller.subject));
  co_return caller;
}

Result<void> Callers::admit(http::Request& request, const accounts::Subject& subject) {
  if (!subject.is_active) return wrong();
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
