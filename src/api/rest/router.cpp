#include "api/rest/router.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "api/common/settings_now.hpp"
#include "codec/text.hpp"

namespace holdfast::api::rest {

namespace asio = boost::asio;

namespace {

// Bodies are in memory as long as their clients send them.
constexpr std::size_t kAdministratorsBodyLimitBytes = 4UZ << 20U;  // imports of accounts
constexpr std::size_t kBodyLimitBytes = 1UZ << 20U;  // a long description, with all of it escaped
constexpr std::size_t kStrangersBodyLimitBytes = 64UZ << 10U;
constexpr std::uint64_t kFileLimitBytes = 8ULL << 30U;
constexpr std::size_t kSpoolPieceBytes = 1UZ << 20U;

std::size_t body_limit_bytes(const Caller& caller) {
  if (caller.is_anonymous()) return kStrangersBodyLimitBytes;
  return caller.subject->is_administrator ? kAdministratorsBodyLimitBytes : kBodyLimitBytes;
}

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    if (slash != 0) segments.push_back(path.substr(0, slash));
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  return segments;
}

std::string_view name_of(http::Method method) {
  switch (method) {
    case http::Method::get:
      return "GET, HEAD";
    case http::Method::post:
      return "POST";
    case http::Method::put:
      return "PUT";
    case http::Method::patch:
      return "PATCH";
    case http::Method::del:
      return "DELETE";
    default:
      return "";
  }
}

bool is_parameter(std::string_view segment) { return segment.starts_with('{'); }

// The parameters when the path has this pattern.
std::optional<std::vector<std::string>> fit(const std::vector<std::string_view>& pattern,
                                            const std::vector<std::string_view>& path) {
  if (pattern.size() != path.size()) return std::nullopt;
  std::vector<std::string> parameters;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (is_parameter(pattern[i])) {
      auto decoded = http::percent_decode(path[i]);
      if (!decoded) return std::nullopt;
      parameters.push_back(*std::move(decoded));
    } else if (pattern[i] != path[i]) {
      return std::nullopt;
    }
  }
  return parameters;
}

// Parameters and query go into comparisons of the database, which takes text only.
Result<void> check_text(const std::vector<std::string>& parameters, const http::Form& query) {
  const auto refuse = [](std::string_view what) {
    return fail(ErrorCode::invalid, kQueryInvalid,
                fmt::format("{} holds bytes that are no UTF-8 text", what));
  };
  if (!std::ranges::all_of(parameters, codec::is_text)) return refuse("the path");
  for (const auto& [name, value] : query.pairs()) {
    if (!codec::is_text(name)) return refuse("a name in the query");
    if (!codec::is_text(value)) return refuse(fmt::format("\"{}\"", name));
  }
  return {};
}

// An access token with a scope reads what belongs to the repositories in it, and nothing else: who
// finds one learns neither settings nor accounts, even when it is an administrator's.
Result<void> check_scope(const Caller& caller, const Match& match) {
  if (!caller.is_narrowed()) return {};
  const bool is_of_repository =
      match.route->pattern.find("/repositories/{") != std::string_view::npos &&
      match.parameters.size() >= 2;
  if (is_of_repository && match.route->method == http::Method::get &&
      caller.access_token->on(fmt::format("{}/{}", match.parameters[0], match.parameters[1]))
          .pull) {
    return {};
  }
  return not_allowed(
      "this access token has a scope: here it only reads what belongs to the repositories in it");
}

}  // namespace

Handler not_built(std::string_view sentence) {
  return [sentence](const Call& call) -> Result<http::Response> {
    HF_CHECK(need_login(call));
    return fail(ErrorCode::unsupported, kNotBuilt, std::string(sentence));
  };
}

std::vector<Route> joined(std::initializer_list<std::vector<Route>> nouns) {
  std::vector<Route> all;
  for (const std::vector<Route>& routes : nouns) {
    all.insert(all.end(), routes.begin(), routes.end());
  }
  return all;
}

RouteTable::RouteTable(std::vector<Route> routes) : routes_(std::move(routes)) {
  for (const Route& route : routes_) segments_.push_back(split(route.pattern));
}

Match RouteTable::match(http::Method method, std::string_view path) const {
  Match match;
  const auto given = split(path);
  const http::Method wanted = method == http::Method::head ? http::Method::get : method;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    auto parameters = fit(segments_[i], given);
    if (!parameters) continue;
    if (routes_[i].method == wanted && match.route == nullptr) {
      match.route = &routes_[i];
      match.parameters = *std::move(parameters);
    }
    if (!match.allowed.empty()) match.allowed += ", ";
    match.allowed += name_of(routes_[i].method);
  }
  return match;
}

// Decided after who calls is known: a stranger hears of the credential first.
asio::awaitable<Result<void>> Router::check_writable(const Route& route) {
  if (route.method == http::Method::get || route.while_read_only == WhileReadOnly::served) {
    co_return Result<void>();
  }
  HF_CO_TRY(const auto settings, co_await settings_now(settings_, pool_));
  co_return settings::need_writable(*settings);
}

asio::awaitable<Result<Caller>> Router::admit(http::Request& request, const Match& match,
                                              std::string_view access_token) {
  if (match.route->gate == Gate::login)
    co_return Caller{.subject = accounts::Accounts::anonymous()};
  HF_CO_TRY(Caller caller, co_await callers_.identify_with_sessions(request, access_token));
  // Such a token was made for one repository, and is given away with that in mind.
  if (caller.claims && caller.claims->for_scope) {
    co_return fail(ErrorCode::unauthenticated, kLoginNeeded,
                   "this token is for the registry: ask for one without a scope");
  }
  HF_CO_CHECK(check_scope(caller, match));
  if (match.route->gate != Gate::unsettled) HF_CO_CHECK(need_settled(caller));
  if (match.route->gate == Gate::administrator && !caller.subject->is_administrator) {
    if (caller.is_anonymous()) {
      co_return fail(ErrorCode::unauthenticated, kLoginNeeded, "log in first");
    }
    co_return not_allowed("only an administrator may do this");
  }
  co_return caller;
}

// As fast as the disk takes it; a piece of memory at a time.
asio::awaitable<Result<Spool>> Router::spool(const Route& route, http::Body& body) {
  HF_CO_TRY(Spool spool, co_await pool_.run([&] { return Spool::open(route.file_folder); }));
  std::vector<std::byte> piece(kSpoolPieceBytes);
  while (true) {
    HF_CO_TRY(const std::size_t got, co_await body.read_some(piece));
    if (got == 0) co_return spool;
    if (spool.size_bytes() + got > kFileLimitBytes) {
      co_return fail(ErrorCode::too_large, http::kBodyTooLarge, "the file is larger than 8 GiB");
    }
    HF_CO_CHECK(co_await pool_.run([&] { return spool.append(std::span(piece).first(got)); }));
  }
}

asio::awaitable<http::Response> Router::handle(http::Request& request, http::Body& body,
                                               std::string_view path) {
  request.route = name_;
  const Match match = table_.match(request.method, path);
  if (match.route == nullptr && match.allowed.empty()) {
    co_return error_response(
        fail(ErrorCode::not_found, kRouteUnknown, "there is nothing at this path"));
  }
  if (match.route == nullptr) {
    http::Response refusal = error_response(fail(ErrorCode::unsupported, kMethodUnknown,
                                                 "this path is for " + match.allowed + " only"));
    refusal.field("Allow", match.allowed);
    co_return refusal;
  }
  const auto query = http::Form::parse(request.query);
  if (!query) {
    co_return error_response(
        fail(ErrorCode::invalid, kQueryInvalid, "the query has a broken escape or is too long"));
  }
  if (const auto text = check_text(match.parameters, *query); !text) {
    co_return error_response(text.error());
  }
  const auto caller = co_await admit(request, match, query->value("refresh_token").value_or(""));
  if (!caller) co_return error_response(caller.error());
  if (const auto writable = co_await check_writable(*match.route); !writable) {
    co_return error_response(writable.error());
  }
  if (!match.route->file_folder.empty()) {
    const auto file = co_await spool(*match.route, body);
    if (!file) co_return error_response(file.error());
    const Call call{request, *caller, *query, match.parameters, Fields(), &*file};
    auto taken = co_await pool_.run([&] { return match.route->handler(call); });
    if (!taken) co_return error_response(taken.error());
    co_return *std::move(taken);
  }
  const auto text = co_await body.read_all(body_limit_bytes(*caller));
  if (!text) co_return error_response(text.error());
  // A large body takes long to read: not on the loop, where all others would wait for it.
  auto answer = co_await pool_.run([&]() -> Result<http::Response> {
    HF_TRY(auto fields,
           match.route->gate == Gate::login ? Fields::parse_either(*text) : Fields::parse(*text));
    const Call call{request, *caller, *query, match.parameters, std::move(fields)};
    return match.route->handler(call);
  });
  if (!answer) co_return error_response(answer.error());
  co_return *std::move(answer);
}

}  // namespace holdfast::api::rest
