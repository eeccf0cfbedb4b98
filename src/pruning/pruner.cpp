#include "pruning/pruner.hpp"

#include <fmt/format.h>

namespace holdfast::pruning {

namespace {

constexpr std::int64_t kTagsOfAPage = 500;
// A push into the repository waits for a transaction of the evaluation at most: few tags each.
constexpr std::size_t kTagsOfATransaction = 50;
constexpr std::int64_t kPoliciesOfAPage = 100;

// Where a job's parameters name one policy.
struct Target {
  oci::RepositoryName repository;
  std::string policy;
};

std::string text_in(const boost::json::object& parameters, std::string_view name) {
  const boost::json::value* found = parameters.if_contains(name);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

Result<std::optional<Target>> target_of(const boost::json::object& parameters) {
  if (parameters.empty()) return std::optional<Target>();
  const auto name = oci::RepositoryName::parse(text_in(parameters, "repository"));
  std::string policy = text_in(parameters, "policy");
  if (name && !policy.empty()) return std::optional(Target{*name, std::move(policy)});
  return fail(ErrorCode::invalid, kParametersInvalid,
              R"(the parameters must be {"repository": "ns/name", "policy": "<id>"}, or none)");
}

events::Actor actor_of(const Policy& policy) {
  events::Actor actor;
  actor.name = std::string(kActorPrefix) + policy.uuid;
  return actor;
}

bool is_gone(const Error& error) { return error.code == ErrorCode::not_found; }

}  // namespace

boost::json::object job_parameters(std::string_view repository, std::string_view policy) {
  return {{"repository", repository}, {"policy", policy}};
}

Result<std::optional<ScanFacts>> no_scan_results(std::int64_t /*repository_id*/,
                                                 const oci::Digest& /*digest*/) {
  return std::optional<ScanFacts>();
}

// What one evaluation of one policy came to.
struct Pruner::Outcome {
  std::int64_t tested = 0;
  std::int64_t removed = 0;
  std::int64_t kept = 0;       // would have been removed, and were pushed or removed meanwhile
  std::int64_t unscanned = 0;  // a rule needs a scan's result, and there is none
  std::string_view stopped{};  // why it ended early
};

// Tags of signatures and of referrers go with what they belong to, never by their name or age: a
// rule such as "none of latest" is not about them.
Result<Verdict> Pruner::judge_tag(std::int64_t repository_id, std::span<const Rule> rules,
                                  const repos::TagState& tag, Timestamp now) {
  if (tag.tag.is_companion()) return Verdict::no;
  return judge(rules, {tag.tag.text(), tag.pushed_at}, now,
               [&] { return scan_results_(repository_id, tag.digest); });
}

Result<Pruner::Matches> Pruner::matches(std::int64_t repository_id, std::span<const Rule> rules,
                                        std::string_view start, std::int64_t limit) {
  Matches matches;
  const Timestamp now = clock_.now();
  std::string next(start);
  for (std::int64_t left = kTestedAtMost; left > 0; left -= kTagsOfAPage) {
    HF_TRY(auto tags, content_.tag_states(repository_id, next, kTagsOfAPage + 1));
    next.clear();
    if (std::ssize(tags) > kTagsOfAPage) {
      next = tags.back().tag.text();
      tags.pop_back();
    }
    for (repos::TagState& tag : tags) {
      HF_TRY(const Verdict verdict, judge_tag(repository_id, rules, tag, now));
      if (verdict != Verdict::yes) continue;
      if (std::ssize(matches.found) == limit) {
        matches.next = tag.tag.text();
        return matches;
      }
      matches.found.push_back({std::move(tag.tag), std::move(tag.digest)});
    }
    if (next.empty()) break;
  }
  matches.next = std::move(next);
  return matches;
}

// Why an evaluation has to end now; empty: it may go on.
Result<std::string_view> Pruner::reason_to_stop(const jobs::Run& run) {
  if (run.should_stop()) return std::string_view("it was to stop");
  HF_TRY(const auto settings, settings_.load());
  return std::string_view(settings->read_only_registry ? "the registry is in read-only mode" : "");
}

Result<void> Pruner::run(jobs::Run& run) {
  HF_TRY(const auto target, target_of(run.parameters()));
  if (!target) return run_all(run);
  const auto nothing = [&] {
    run.log("the policy is gone: nothing to do");
    return Result<void>();
  };
  const auto repository = repositories_.find(target->repository);
  if (!repository && is_gone(repository.error())) return nothing();
  HF_CHECK(repository);
  const auto policy = policies_.find((*repository)->id, target->policy);
  if (!policy && is_gone(policy.error())) return nothing();
  HF_CHECK(policy);
  return prune(run, *policy, true);
}

Result<void> Pruner::run_all(jobs::Run& run) {
  Result<void> first_error;
  std::int64_t after = 0;
  std::int64_t evaluated = 0;
  while (true) {
    HF_TRY(const auto page, policies_.enabled_behind(after, kPoliciesOfAPage));
    for (const Policy& policy : page) {
      if (run.should_stop()) return first_error;
      after = policy.id;
      ++evaluated;
      auto done = prune(run, policy, false);
      if (done) continue;
      run.log(fmt::format("{}, policy {}: failed: {}", policy.repository, policy.uuid,
                          done.error().message));
      if (first_error) first_error = std::move(done);
    }
    if (std::ssize(page) < kPoliciesOfAPage) break;
  }
  run.log(fmt::format("policies evaluated: {}", evaluated));
  return first_error;
}

Result<void> Pruner::prune(jobs::Run& run, const Policy& policy, bool log_always) {
  Outcome outcome;
  if (!policy.enabled) outcome.stopped = "it is disabled";
  const auto name = oci::RepositoryName::parse(policy.repository);
  HF_CHECK(name);
  const auto repository = repositories_.find(*name);
  const bool gone =
      !repository ? is_gone(repository.error()) : (*repository)->id != policy.repository_id;
  if (gone) outcome.stopped = "the repository is gone";
  if (!gone) HF_CHECK(repository);
  std::string start;
  for (bool more = outcome.stopped.empty(); more;) {
    HF_TRY(more, prune_page(run, policy, **repository, start, outcome));
  }
  if (outcome.stopped.empty()) HF_CHECK(policies_.evaluated(policy));
  if (!log_always && outcome.removed + outcome.kept + outcome.unscanned == 0 &&
      outcome.stopped.empty()) {
    return {};
  }
  const std::string who = fmt::format("{}, policy {}: ", policy.repository, policy.uuid);
  run.log(fmt::format("{}{} tags looked at, {} pruned", who, outcome.tested, outcome.removed));
  if (outcome.kept > 0) {
    run.log(fmt::format("{}{} tags were pushed or removed meanwhile", who, outcome.kept));
  }
  if (outcome.unscanned > 0) {
    run.log(fmt::format("{}{} tags have no scan result and were left", who, outcome.unscanned));
  }
  if (!outcome.stopped.empty()) run.log(fmt::format("{}ended: {}", who, outcome.stopped));
  return {};
}

// Judges and prunes a page of tags from `start` on, which becomes that of the next; gives whether
// there is one.
Result<bool> Pruner::prune_page(jobs::Run& run, const Policy& policy,
                                const repos::Repository& repository, std::string& start,
                                Outcome& outcome) {
  HF_TRY(outcome.stopped, reason_to_stop(run));
  if (!outcome.stopped.empty()) return false;
  HF_TRY(auto tags, content_.tag_states(repository.id, start, kTagsOfAPage + 1));
  const bool more = std::ssize(tags) > kTagsOfAPage;
  if (more) {
    start = tags.back().tag.text();
    tags.pop_back();
  }
  outcome.tested += std::ssize(tags);
  const Timestamp now = clock_.now();
  std::vector<repos::TagState> doomed;
  for (repos::TagState& tag : tags) {
    if (tag.pushed_at <= policy.since) continue;
    HF_TRY(const Verdict verdict, judge_tag(repository.id, policy.rules, tag, now));
    if (verdict == Verdict::unknown) ++outcome.unscanned;
    if (verdict == Verdict::yes) doomed.push_back(std::move(tag));
  }
  HF_TRY(const bool whole, remove(run, policy, repository, doomed, outcome));
  return whole && more;
}

// Gives whether it went through all of them.
Result<bool> Pruner::remove(jobs::Run& run, const Policy& policy,
                            const repos::Repository& repository,
                            std::span<const repos::TagState> doomed, Outcome& outcome) {
  while (!doomed.empty()) {
    HF_TRY(outcome.stopped, reason_to_stop(run));
    if (!outcome.stopped.empty()) return false;
    const auto some = doomed.first(std::min(doomed.size(), kTagsOfATransaction));
    doomed = doomed.subspan(some.size());
    const auto removed =
        content_.remove_unchanged(repository, some, actor_of(policy),
                                  [&](db::Tx& tx) { return Policies::check_current(tx, policy); });
    if (!removed && removed.error().reason == kPolicyChanged) {
      outcome.stopped = "the policy was changed or removed meanwhile";
      return false;
    }
    HF_CHECK(removed);
    outcome.removed += *removed;
    outcome.kept += std::ssize(some) - *removed;
  }
  return true;
}

}  // namespace holdfast::pruning
