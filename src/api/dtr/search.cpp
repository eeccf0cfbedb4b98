// /index/autocomplete and /index/dockersearch; /v1/search and /v1/_ping, which Docker's Engine asks
// for `docker search HOST/words`.
#include "repos/search.hpp"

#include <algorithm>

#include "api/dtr/handlers.hpp"

namespace holdfast::api::dtr {

namespace {

constexpr std::int64_t kFoundAtMost = 100;

Result<std::vector<repos::Repository>> find(const Services& services, const Call& call,
                                            std::string text, std::int64_t namespace_id,
                                            std::int64_t limit) {
  return services.search.find(
      {access::visible_set(call.subject()), std::move(text), namespace_id, limit});
}

// Of what stands in the path of a command ("nginx" of `docker search HOST/nginx`), for everybody.
Answer docker_search(const Services& services, const Call& call) {
  HF_TRY(const std::int64_t limit, call.number("n", 25, 1, kFoundAtMost));
  HF_TRY(const auto found, find(services, call, call.text("q"), 0, limit));
  boost::json::array results;
  for (const repos::Repository& repository : found) {
    results.emplace_back(boost::json::object{{"name", repository.name.text()},
                                             {"description", repository.short_description},
                                             {"is_official", false},
                                             {"is_trusted", false},
                                             {"star_count", 0}});
  }
  return rest::json_response(200, boost::json::object{{"num_results", results.size()},
                                                      {"query", call.text("q")},
                                                      {"results", std::move(results)}});
}

// Repositories of one namespace or of all; of a namespace that is not there, none.
Result<std::vector<repos::Repository>> complete(const Services& services, const Call& call,
                                                std::int64_t limit) {
  std::int64_t namespace_id = 0;
  if (const std::string ns = call.text("namespace"); !ns.empty()) {
    const auto found = services.repositories.namespace_id(ns);
    if (!found && found.error().reason == repos::kNamespaceUnknown) {
      return std::vector<repos::Repository>();
    }
    HF_TRY(namespace_id, found);
  }
  return find(services, call, call.text("query"), namespace_id, limit);
}

// Those whose name begins so.
Result<boost::json::array> complete_accounts(const Services& services, std::string text,
                                             std::int64_t limit) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  HF_TRY(const auto accounts, services.accounts.list({.start = text, .limit = limit}));
  boost::json::array rows;
  for (const accounts::Account& account : accounts) {
    if (account.name.starts_with(text)) rows.emplace_back(rest::shown(account));
  }
  return rows;
}

Answer autocomplete(const Services& services, const Call& call) {
  HF_TRY(const std::int64_t limit, call.number("limit", 25, 1, kFoundAtMost));
  const std::string text = call.text("query");
  boost::json::array accounts;
  boost::json::array repositories;
  if (call.text("includeAccounts") != "false" && !call.caller.is_anonymous() && !text.empty()) {
    HF_TRY(accounts, complete_accounts(services, text, limit));
  }
  if (call.text("includeRepositories") != "false") {
    HF_TRY(const auto found, complete(services, call, limit));
    HF_TRY(repositories, shown_rows(services, found));
  }
  return rest::json_response(200,
                             boost::json::object{{"accountResults", std::move(accounts)},
                                                 {"repositoryResults", std::move(repositories)}});
}

// Not "standalone": to such a one the Engine sends a Basic of nobody when there was no login.
Answer ping(const Services& /*services*/, const Call& /*call*/) {
  http::Response response = rest::json_response(200, boost::json::object{{"standalone", false}});
  response.field("X-Docker-Registry-Version", "0.6.0")
      .field("X-Docker-Registry-Standalone", "false");
  return response;
}

}  // namespace

std::vector<rest::Route> search_routes(const Services& services) {
  using http::Method;
  return {{Method::get, "/index/autocomplete", bound(services, autocomplete)},
          {Method::get, "/index/dockersearch", bound(services, docker_search)}};
}

std::vector<rest::Route> v1_routes(const Services& services) {
  using http::Method;
  return {{Method::get, "/search", bound(services, docker_search)},
          {Method::get, "/_ping", bound(services, ping), rest::WhileReadOnly::refused,
           rest::Gate::login}};
}

}  // namespace holdfast::api::dtr
