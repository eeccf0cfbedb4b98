// What DTR has and this product does not have yet. A sentence says so: a 404 would let automation
// look for a mistake of its own.
#include <vector>

#include "api/dtr/handlers.hpp"

namespace holdfast::api::dtr {

namespace {

constexpr std::string_view kPromotion = "promotion of tags comes later: push the tag yourself";
constexpr std::string_view kMirroring =
    "mirroring comes later: copy images with a client such as skopeo";
constexpr std::string_view kWebhooks = "webhooks come later: ask for what is new with GET /events";
constexpr std::string_view kCaches = "content caches come later: clients pull from this server";

struct NotBuilt {
  std::string_view pattern;
  std::vector<http::Method> methods;
  std::string_view sentence;
};

std::vector<NotBuilt> all_not_built() {
  constexpr auto kGet = http::Method::get;
  constexpr auto kPost = http::Method::post;
  constexpr auto kPut = http::Method::put;
  constexpr auto kDelete = http::Method::del;
  return {
      {"/repositories/{ns}/{repository}/tags/{tag}/promotion", {kPost}, kPromotion},
      {"/repositories/{ns}/{repository}/promotionPolicies", {kGet, kPost}, kPromotion},
      {"/repositories/{ns}/{repository}/promotionPolicies/{id}", {kGet, kPut, kDelete}, kPromotion},
      {"/repositories/{ns}/{repository}/tags/{tag}/pushMirroring", {kPost}, kMirroring},
      {"/repositories/{ns}/{repository}/mirroringPolicies", {kGet, kDelete}, kMirroring},
      {"/repositories/{ns}/{repository}/pushMirroringPolicies", {kGet, kPost}, kMirroring},
      {"/repositories/{ns}/{repository}/pushMirroringPolicies/{id}",
       {kGet, kPut, kDelete},
       kMirroring},
      {"/repositories/{ns}/{repository}/pollMirroringPolicies", {kGet, kPost}, kMirroring},
      {"/repositories/{ns}/{repository}/pollMirroringPolicies/{id}",
       {kGet, kPut, kDelete},
       kMirroring},
      {"/remote/registry", {kPost}, kMirroring},
      {"/repositories/{ns}/{repository}/webhooks", {kGet}, kWebhooks},
      {"/accounts/{ns}/webhooks", {kGet}, kWebhooks},
      {"/webhooks", {kGet, kPost}, kWebhooks},
      {"/webhooks/{webhook}", {kPost, kDelete}, kWebhooks},  // POST: /test and /update
      {"/content_caches", {kGet, kPost}, kCaches},
      {"/content_caches/{id}", {kGet, kDelete}, kCaches},
  };
}

}  // namespace

std::vector<rest::Route> not_built_routes() {
  std::vector<rest::Route> routes;
  for (const NotBuilt& entry : all_not_built()) {
    for (const http::Method method : entry.methods) {
      routes.push_back(
          {method, entry.pattern, rest::not_built(entry.sentence), rest::WhileReadOnly::served});
    }
  }
  return routes;
}

}  // namespace holdfast::api::dtr
