// /repositories/{namespace}/{repository}/pruningPolicies.
#include "api/dtr/handlers.hpp"
#include "base/log.hpp"
#include "pruning/policies.hpp"
#include "pruning/pruner.hpp"

namespace holdfast::api::dtr {

namespace {

using access::Action;
using pruning::About;
using pruning::Policy;
using pruning::Rule;
using repos::Repository;

// "Never", as DTR writes it.
constexpr std::string_view kNever = "0001-01-01T00:00:00Z";

boost::json::object shown(const Policy& policy) {
  return {{"id", policy.uuid},
          {"enabled", policy.enabled},
          {"rules", pruning::shown(policy.rules)},
          {"repository", policy.repository},
          {"lastPrunedAt",
           policy.last_pruned_at ? rfc3339(*policy.last_pruned_at) : std::string(kNever)}};
}

// Policies are for those who administer the repository, reading them too.
Result<std::shared_ptr<const Repository>> repository_of(const Services& services,
                                                        const Call& call) {
  return find_repository(services, call, Action::edit);
}

Error wrong(std::string message) {
  return fail(ErrorCode::invalid, pruning::kPolicyInvalid, std::move(message));
}

// Nothing when it is not given.
Result<std::optional<std::vector<Rule>>> rules_of(const Call& call) {
  const boost::json::value* given = call.fields.object().if_contains("rules");
  if (given == nullptr || given->is_null()) return std::optional<std::vector<Rule>>();
  auto rules = pruning::parse_rules(*given);
  if (!rules) return wrong(rules.error().message);
  return std::optional(*std::move(rules));
}

Result<std::vector<Rule>> required_rules_of(const Call& call) {
  HF_TRY(auto rules, rules_of(call));
  if (!rules) return wrong("\"rules\" must be given: it is missing");
  return *std::move(rules);
}

Result<std::optional<bool>> enabled_of(const Call& call) {
  auto enabled = call.fields.flag("enabled");
  if (!enabled) return wrong(enabled.error().message);
  return *enabled;
}

// `initialEvaluation`: whether the policy is for the tags that are there already, and evaluated at
// once; true unless the query says otherwise, as in DTR.
Result<About> about_of(const Call& call) {
  const std::string given = call.text("initialEvaluation");
  if (given.empty() || given == "true") return About::all_tags;
  if (given == "false") return About::future_tags;
  return fail(ErrorCode::invalid, rest::kQueryInvalid,
              "\"initialEvaluation\" must be true or false");
}

// The policy is stored in any case: what cannot be queued now is done at the next scheduled time.
void evaluate_soon(const Services& services, const Policy& policy) {
  const jobs::NewJob job{.action = std::string(pruning::kAction),
                         .parameters = pruning::job_parameters(policy.repository, policy.uuid)};
  const auto queued =
      services.database.write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
        HF_CHECK(services.jobs.queue.enqueue_once(tx, job));
        return {};
      });
  if (!queued) {
    log::error("a pruning policy could not be queued for evaluation",
               {{"policy", policy.uuid}, {"error", describe(queued.error())}});
  }
}

http::Response answer(const Services& services, int status, const Policy& policy, About about) {
  if (policy.enabled && about == About::all_tags) {
    evaluate_soon(services, policy);
  }
  return rest::json_response(status, shown(policy));
}

Answer list(const Services& services, const Call& call) {
  HF_TRY(const auto repository, repository_of(services, call));
  HF_TRY(const Page page, page_of(call));
  HF_TRY(auto rows,
         services.pruning_policies.list(repository->id, number_after(page.start), page.size + 1));
  std::string next;
  if (std::ssize(rows) > page.size) {
    rows.pop_back();
    next = std::to_string(rows.back().id);
  }
  boost::json::array entries;
  for (const Policy& row : rows) entries.emplace_back(shown(row));
  std::optional<std::int64_t> total;
  if (page.count) {
    HF_TRY(total, services.pruning_policies.count(repository->id));
  }
  return page_response(entries, next, total);
}

Answer create(const Services& services, const Call& call) {
  HF_TRY(const auto repository, repository_of(services, call));
  HF_TRY(const About about, about_of(call));
  HF_TRY(const auto enabled, enabled_of(call));
  if (!enabled) return wrong("\"enabled\" must be given: it is missing");
  HF_TRY(auto rules, required_rules_of(call));
  HF_TRY(const Policy made, services.pruning_policies.create(
                                *repository, {*enabled, std::move(rules), about}, call.actor()));
  return answer(services, 201, made, about);
}

Answer get(const Services& services, const Call& call) {
  HF_TRY(const auto repository, repository_of(services, call));
  HF_TRY(const Policy policy, services.pruning_policies.find(repository->id, call.parameters[2]));
  return rest::json_response(200, shown(policy));
}

Answer update(const Services& services, const Call& call) {
  HF_TRY(const auto repository, repository_of(services, call));
  pruning::PolicyChange change;
  HF_TRY(change.about, about_of(call));
  HF_TRY(change.enabled, enabled_of(call));
  HF_TRY(change.rules, rules_of(call));
  HF_TRY(const Policy changed,
         services.pruning_policies.update(*repository, call.parameters[2], change, call.actor()));
  return answer(services, 200, changed, change.about);
}

// 204 whether it was there or not, as DTR does.
Answer remove(const Services& services, const Call& call) {
  HF_TRY(const auto repository, repository_of(services, call));
  const auto removed =
      services.pruning_policies.remove(*repository, call.parameters[2], call.actor());
  if (!removed && removed.error().reason != pruning::kPolicyUnknown) return removed.error();
  return http::Response(204);
}

// How many tags fit in all; nothing when there are too many tags to look at them for a number.
Result<std::optional<std::int64_t>> count_matches(const Services& services,
                                                  const Repository& repository,
                                                  const std::vector<Rule>& rules) {
  HF_TRY(const auto all,
         services.pruner.matches(repository.id, rules, "", pruning::Pruner::kTestedAtMost));
  if (!all.next.empty()) return std::optional<std::int64_t>();
  return std::optional<std::int64_t>(std::ssize(all.found));
}

// What a policy with these rules would remove now.
Answer test(const Services& services, const Call& call) {
  HF_TRY(const auto repository, repository_of(services, call));
  HF_TRY(const Page page, page_of(call));
  HF_CHECK(enabled_of(call));
  HF_TRY(const auto rules, required_rules_of(call));
  HF_TRY(const auto matches, services.pruner.matches(repository->id, rules, page.start, page.size));
  boost::json::array entries;
  for (const pruning::Pruner::Match& match : matches.found) {
    entries.emplace_back(
        boost::json::object{{"name", match.tag.text()}, {"digest", match.digest.text()}});
  }
  std::optional<std::int64_t> total;
  if (page.count) {
    HF_TRY(total, count_matches(services, *repository, rules));
  }
  return page_response(entries, matches.next, total);
}

}  // namespace

std::vector<rest::Route> pruning_routes(const Services& services) {
  using http::Method;
  constexpr std::string_view kAll = "/repositories/{namespace}/{repository}/pruningPolicies";
  constexpr std::string_view kOne =
      "/repositories/{namespace}/{repository}/pruningPolicies/{policy}";
  return {
      {Method::get, kAll, bound(services, list)},
      {Method::post, kAll, bound(services, create)},
      // It changes nothing.
      {Method::post, "/repositories/{namespace}/{repository}/pruningPolicies/test",
       bound(services, test), rest::WhileReadOnly::served},
      {Method::get, kOne, bound(services, get)},
      {Method::put, kOne, bound(services, update)},
      {Method::del, kOne, bound(services, remove)},
  };
}

}  // namespace holdfast::api::dtr
