#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <thread>

#include "accounts/accounts.hpp"
#include "db/migrations.hpp"
#include "db/sqlite/sqlite.hpp"
#include "pruning/policies.hpp"
#include "pruning/pruner.hpp"

namespace holdfast::pruning {
namespace {

using std::chrono::hours;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A run that tests look into.
class TestRun final : public jobs::Run {
 public:
  [[nodiscard]] const boost::json::object& parameters() const override { return given; }
  void log(std::string_view line) override { lines.emplace_back(line); }
  [[nodiscard]] bool should_stop() const override { return stop && stop(); }

  boost::json::object given;
  std::vector<std::string> lines;
  std::function<bool()> stop;
};

class PruningTest : public testing::Test {
 protected:
  PruningTest() {
    std::string name =
        (std::filesystem::temp_directory_path() / "holdfast-pruning-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    database_ = db::sqlite::open((folder_ / "test.db").string()).value();
    EXPECT_TRUE(database_->migrate(
        db::joined({events::migrations(), settings::migrations(), accounts::migrations(),
                    repos::migrations(), migrations()})));
    accounts::Accounts accounts(*database_, clock_, random_);
    EXPECT_TRUE(accounts.create_user({"alice", "a good password"}, actor_));
    repositories_ = std::make_unique<repos::Repositories>(*database_, clock_, random_);
    content_ = std::make_unique<repos::Content>(
        *database_, clock_, repos::ContentRules{.sparse = repos::SparseIndexes::allow});
    settings_ = std::make_unique<settings::Store>(*database_, clock_, settings::Values{});
    policies_ = std::make_unique<Policies>(*database_, clock_, random_);
    app_ = repositories_->create(named("alice/app"), {}, actor_).value();
  }
  ~PruningTest() override { std::filesystem::remove_all(folder_); }

  static oci::RepositoryName named(std::string_view text) {
    return oci::RepositoryName::parse(text).value();
  }
  Pruner pruner(ScanResults scan_results = no_scan_results) {
    return {*policies_, *repositories_, *content_, *settings_, clock_, std::move(scan_results)};
  }
  // Images are empty indexes, told apart by `number`.
  oci::Digest push(std::vector<std::string> tags, int number = 0) {
    std::vector<oci::Tag> parsed;
    for (const std::string& tag : tags) parsed.push_back(oci::Tag::parse(tag).value());
    clock_.advance(std::chrono::seconds(1));
    return content_
        ->put(*app_,
              {std::move(parsed), std::nullopt, std::string(oci::kOciIndex),
               fmt::format(R"({{"schemaVersion":2,"manifests":[],"n":{}}})", number)},
              actor_)
        .value()
        .digest;
  }
  std::vector<std::string> tags() { return content_->tags(app_->id, "", 100'000).value().items; }
  static Rule rule(std::string_view field, std::string_view op, std::vector<std::string> values) {
    return Rule::make(field, op, std::move(values)).value();
  }
  Policy policy(std::vector<Rule> rules, About about = About::all_tags, bool enabled = true) {
    return policies_->create(*app_, {enabled, std::move(rules), about}, actor_).value();
  }
  std::vector<std::string> evaluate(const Policy& policy, ScanResults scan = no_scan_results) {
    TestRun run;
    run.given = job_parameters(policy.repository, policy.uuid);
    EXPECT_TRUE(pruner(std::move(scan)).run(run));
    return run.lines;
  }
  std::vector<events::Event> events(events::Type type) {
    std::vector<events::Event> all;
    EXPECT_TRUE(database_->read([&](db::Tx& tx) -> Result<void> {
      HF_TRY(all, events::list(tx, 0, 100'000));
      return {};
    }));
    std::erase_if(all, [&](const events::Event& event) { return event.type != type; });
    return all;
  }

  std::filesystem::path folder_;
  std::unique_ptr<db::Database> database_;
  ManualClock clock_{from_micros(1'764'000'000'000'000)};
  SystemRandom random_;
  std::unique_ptr<repos::Repositories> repositories_;
  std::unique_ptr<repos::Content> content_;
  std::unique_ptr<settings::Store> settings_;
  std::unique_ptr<Policies> policies_;
  std::optional<repos::Repository> app_;
  events::Actor actor_{1, "alice", "", "", ""};
};

TEST_F(PruningTest, PoliciesAreStoredChangedAndRemovedWithAnEventEach) {
  const Policy made = policy({rule("tag", "sw", {"pr-"}), rule("tag", "ew", {"x", "y"})});
  const Policy found = policies_->find(app_->id, made.uuid).value();
  EXPECT_EQ(found.repository, "alice/app");
  EXPECT_TRUE(found.enabled);
  EXPECT_EQ(found.last_pruned_at, std::nullopt);
  EXPECT_EQ(shown(found.rules), shown(made.rules));
  EXPECT_EQ(policies_->update(*app_, made.uuid, {}, actor_)->revision, made.revision);
  const Policy changed = policies_->update(*app_, made.uuid, {.enabled = false}, actor_).value();
  EXPECT_GT(changed.revision, made.revision);
  EXPECT_FALSE(policies_->find(app_->id, made.uuid)->enabled);
  ASSERT_TRUE(policies_->remove(*app_, made.uuid, actor_));
  EXPECT_EQ(policies_->remove(*app_, made.uuid, actor_).error().reason, kPolicyUnknown);
  EXPECT_EQ(policies_->find(app_->id, made.uuid).error().reason, kPolicyUnknown);
  EXPECT_EQ(policies_->update(*app_, made.uuid, {}, actor_).error().reason, kPolicyUnknown);
  const auto created = events(events::Type::pruning_policy_created);
  ASSERT_EQ(created.size(), 1U);
  EXPECT_EQ(created[0].object, made.uuid);
  EXPECT_EQ(created[0].repository, "alice/app");
  EXPECT_EQ(created[0].detail, "enabled: tag sw pr-; tag ew x and 1 more");
  EXPECT_EQ(events(events::Type::pruning_policy_updated).size(), 1U);
  EXPECT_EQ(events(events::Type::pruning_policy_deleted).size(), 1U);
}

TEST_F(PruningTest, PoliciesAreBoundedPagedAndOfOneRepository) {
  EXPECT_EQ(policies_->create(*app_, {}, actor_).error().reason, kPolicyInvalid);
  std::vector<std::string> ids;
  for (int i = 0; i < kPoliciesAtMost; ++i) {
    ids.push_back(policy({rule("tag", "eq", {"a"})}, About::all_tags, i % 2 == 0).uuid);
  }
  EXPECT_EQ(policies_->create(*app_, {true, {rule("tag", "eq", {"a"})}}, actor_).error().reason,
            kTooManyPolicies);
  EXPECT_EQ(policies_->count(app_->id).value(), kPoliciesAtMost);
  std::vector<std::string> seen;
  std::int64_t after = 0;
  while (true) {
    const auto page = policies_->list(app_->id, after, 7).value();
    if (page.empty()) break;
    for (const Policy& one : page) seen.push_back(one.uuid);
    after = page.back().id;
  }
  EXPECT_EQ(seen, ids);
  EXPECT_EQ(policies_->enabled_behind(0, 100)->size(), 25U);
  const auto other = repositories_->create(named("alice/other"), {}, actor_).value();
  EXPECT_EQ(policies_->find(other.id, ids[0]).error().reason, kPolicyUnknown);
  EXPECT_EQ(policies_->remove(other, ids[0], actor_).error().reason, kPolicyUnknown);
  ASSERT_TRUE(repositories_->remove(named("alice/app"), actor_));
  EXPECT_EQ(policies_->enabled_behind(0, 100)->size(), 0U) << "they go with their repository";
  EXPECT_EQ(policies_->create(*app_, {true, {rule("tag", "eq", {"a"})}}, actor_).error().reason,
            repos::kRepositoryUnknown);
}

TEST_F(PruningTest, TagsGoWhenAllRulesHold) {
  push({"pr-1", "v1"});
  clock_.advance(hours(100));
  const auto digest = push({"pr-2", "v2"}, 2);
  const Policy old =
      policy({rule("tag", "sw", {"pr-"}), rule("updated_at_duration", "bf", {"99h"})});
  EXPECT_THAT(evaluate(old), Contains(HasSubstr("4 tags looked at, 1 pruned")));
  EXPECT_THAT(tags(), ElementsAre("pr-2", "v1", "v2"));
  const auto gone = events(events::Type::tag_deleted);
  ASSERT_EQ(gone.size(), 1U);
  EXPECT_EQ(gone[0].tag, "pr-1");
  EXPECT_EQ(gone[0].actor.name, "pruning:" + old.uuid);
  EXPECT_EQ(gone[0].actor.account_id, 0);
  EXPECT_EQ(policies_->find(app_->id, old.uuid)->last_pruned_at, clock_.now());
  EXPECT_TRUE(content_->manifest(app_->id, digest)) << "images are collected, not pruned";
}

TEST_F(PruningTest, ADisabledPolicyAndOneThatIsGoneRemoveNothing) {
  push({"v1"});
  const Policy disabled = policy({rule("tag", "c", {"v"})}, About::all_tags, false);
  EXPECT_THAT(evaluate(disabled), Contains(HasSubstr("it is disabled")));
  EXPECT_EQ(policies_->find(app_->id, disabled.uuid)->last_pruned_at, std::nullopt);
  ASSERT_TRUE(policies_->remove(*app_, disabled.uuid, actor_));
  EXPECT_THAT(evaluate(disabled), ElementsAre("the policy is gone: nothing to do"));
  TestRun run;
  run.given = job_parameters("alice/nothing", disabled.uuid);
  EXPECT_TRUE(pruner().run(run));
  run.given = {{"repository", "alice/app"}};
  EXPECT_EQ(pruner().run(run).error().reason, kParametersInvalid);
  EXPECT_THAT(tags(), ElementsAre("v1"));
}

TEST_F(PruningTest, FutureTagsAreThoseThatArePushedFromNowOn) {
  push({"v1", "v2"});
  const Policy future = policy({rule("tag", "sw", {"v"})}, About::future_tags);
  push({"v2", "v3"}, 1);
  evaluate(future);
  EXPECT_THAT(tags(), ElementsAre("v1"));
  // Disabled and enabled again it is about the same tags; with new rules about new ones.
  ASSERT_TRUE(policies_->update(*app_, future.uuid, {.enabled = false}, actor_));
  push({"v4"});
  const auto again =
      policies_->update(*app_, future.uuid, {.enabled = true, .about = About::future_tags}, actor_);
  EXPECT_EQ(again->since, future.since);
  evaluate(*again);
  EXPECT_THAT(tags(), ElementsAre("v1"));
  push({"w1"});
  const auto renewed = policies_->update(
      *app_, future.uuid,
      {.rules = std::vector{rule("tag", "c", {"1"})}, .about = About::future_tags}, actor_);
  evaluate(*renewed);
  EXPECT_THAT(tags(), ElementsAre("v1", "w1"));
  evaluate(*policies_->update(*app_, future.uuid, {}, actor_));
  EXPECT_THAT(tags(), IsEmpty());
}

TEST_F(PruningTest, WithoutAScansResultNothingGoes) {
  push({"v1", "w1"});
  const auto bad = push({"v2"}, 2);
  const Policy one = policy({rule("tag", "sw", {"v"}), rule("vulnerability_all", "lte", {"5"})});
  EXPECT_THAT(evaluate(one), Contains(HasSubstr("2 tags have no scan result and were left")));
  EXPECT_THAT(tags(), ElementsAre("v1", "v2", "w1"));
  EXPECT_THAT(pruner().matches(app_->id, one.rules, "", 10)->found, IsEmpty());
  evaluate(one, [&](std::int64_t repository_id, const oci::Digest& digest) {
    EXPECT_EQ(repository_id, app_->id);
    return Result(digest == bad ? std::optional(ScanFacts{.minor = 5}) : std::nullopt);
  });
  EXPECT_THAT(tags(), ElementsAre("v1", "w1"));
}

TEST_F(PruningTest, SignaturesStayAndImmutableTagsGo) {
  const std::string signature = "sha256-" + std::string(64, 'a') + ".sig";
  ASSERT_TRUE(repositories_->update(named("alice/app"), {.immutable_tags = true}, actor_));
  push({"v1", signature});
  evaluate(policy({rule("tag", "noo", {"latest"})}));
  EXPECT_THAT(tags(), ElementsAre(signature));
}

TEST_F(PruningTest, ATagThatIsPushedAgainAfterItWasJudgedStays) {
  push({"a", "b", "c", "d"});
  const auto judged = content_->tag_states(app_->id, "", 10).value();
  push({"a"}, 1);
  push({"b"});  // the same image
  ASSERT_TRUE(content_->remove(*app_, oci::Tag::parse("c").value(), actor_));
  const auto always = [](db::Tx&) { return Result<void>(); };
  EXPECT_EQ(content_->remove_unchanged(*app_, judged, actor_, always).value(), 1);
  EXPECT_THAT(tags(), ElementsAre("a", "b"));
  EXPECT_EQ(events(events::Type::tag_deleted).size(), 2U);
}

TEST_F(PruningTest, APushDuringAnEvaluationIsNotLost) {
  push({"v1", "v2"});
  const Policy one = policy({rule("tag", "sw", {"v"}), rule("vulnerability_all", "eq", {"0"})});
  // The scan's result of v1 takes so long that v1 is pushed again.
  bool pushed = false;
  const auto lines = evaluate(one, [&](std::int64_t, const oci::Digest&) {
    if (!std::exchange(pushed, true)) push({"v1"}, 1);
    return Result(std::optional(ScanFacts{}));
  });
  EXPECT_THAT(lines, Contains(HasSubstr("1 tags were pushed or removed meanwhile")));
  EXPECT_THAT(tags(), ElementsAre("v1"));
}

TEST_F(PruningTest, APolicyThatIsDisabledDuringItsEvaluationRemovesNothingMore) {
  push({"v1", "v2"});
  const Policy one = policy({rule("tag", "sw", {"v"}), rule("vulnerability_all", "eq", {"0"})});
  const auto lines = evaluate(one, [&](std::int64_t, const oci::Digest&) {
    EXPECT_TRUE(policies_->update(*app_, one.uuid, {.enabled = false}, actor_));
    return Result(std::optional(ScanFacts{}));
  });
  EXPECT_THAT(lines, Contains(HasSubstr("the policy was changed or removed meanwhile")));
  EXPECT_THAT(tags(), ElementsAre("v1", "v2"));
}

TEST_F(PruningTest, NothingIsPrunedInReadOnlyMode) {
  push({"v1"});
  const Policy one = policy({rule("tag", "sw", {"v"})});
  ASSERT_TRUE(settings_->change({{"readOnlyRegistry", true}}, actor_));
  EXPECT_THAT(evaluate(one), Contains(HasSubstr("the registry is in read-only mode")));
  EXPECT_THAT(tags(), ElementsAre("v1"));
  ASSERT_TRUE(settings_->change({{"readOnlyRegistry", false}}, actor_));
  evaluate(one);
  EXPECT_THAT(tags(), IsEmpty());
}

TEST_F(PruningTest, AllPoliciesAreEvaluatedInSmallStepsThatCanBeStopped) {
  std::vector<std::string> names;
  for (int i = 0; i < 1'200; ++i) names.push_back(fmt::format("{}-{:04}", i % 2 ? "pr" : "v", i));
  push(names);
  policy({rule("tag", "sw", {"pr"})});
  policy({rule("tag", "sw", {"v"}), rule("tag", "ew", {"00"})});
  policy({rule("tag", "sw", {"v"})}, About::all_tags, false);
  TestRun stopped;
  int asked = 0;
  stopped.stop = [&] { return ++asked > 4; };
  ASSERT_TRUE(pruner().run(stopped));
  EXPECT_THAT(stopped.lines, Contains(HasSubstr("ended: it was to stop")));
  const auto left = tags().size();
  EXPECT_LT(left, 1'200U);
  EXPECT_GT(left, 600U);
  TestRun whole;
  ASSERT_TRUE(pruner().run(whole));
  EXPECT_EQ(tags().size(), 600U - 12U) << "v-…00 of 0, 100, … 1100";
  EXPECT_THAT(whole.lines, Contains("policies evaluated: 2"));
  EXPECT_EQ(events(events::Type::tag_deleted).size(), 612U);
}

TEST_F(PruningTest, TwoEvaluationsAtOnceRemoveEachTagOnce) {
  std::vector<std::string> names;
  for (int i = 0; i < 700; ++i) names.push_back(fmt::format("v{}", i));
  push(names);
  const Policy one = policy({rule("tag", "sw", {"v"})});
  std::thread other([&] { evaluate(one); });
  evaluate(one);
  other.join();
  EXPECT_THAT(tags(), IsEmpty());
  EXPECT_EQ(events(events::Type::tag_deleted).size(), 700U);
}

TEST_F(PruningTest, APolicyThatFailsDoesNotKeepTheOthersFromBeingEvaluated) {
  push({"v1", "w1"});
  policy({rule("tag", "sw", {"v"}), rule("vulnerability_all", "eq", {"0"})});
  policy({rule("tag", "sw", {"w"})});
  TestRun run;
  const auto broken = [](std::int64_t, const oci::Digest&) -> Result<std::optional<ScanFacts>> {
    return fail(ErrorCode::unavailable, "test", "the scanner is away");
  };
  EXPECT_EQ(pruner(broken).run(run).error().code, ErrorCode::unavailable);
  EXPECT_THAT(run.lines, Contains(HasSubstr("failed: the scanner is away")));
  EXPECT_THAT(tags(), ElementsAre("v1"));
}

TEST_F(PruningTest, ADryRunIsPagedByTagAndRemovesNothing) {
  std::vector<std::string> names;
  for (int i = 0; i < 1'100; ++i) names.push_back(fmt::format("t{:04}", i));
  const auto digest = push(names);
  const std::vector<Rule> rules = {rule("tag", "ew", {"7"})};
  std::vector<std::string> seen;
  std::string start;
  do {
    const auto page = pruner().matches(app_->id, rules, start, 20).value();
    for (const auto& match : page.found) {
      EXPECT_EQ(match.digest, digest);
      seen.push_back(match.tag.text());
    }
    start = page.next;
  } while (!start.empty());
  EXPECT_EQ(seen.size(), 110U);
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  EXPECT_EQ(pruner().matches(app_->id, rules, "", 110)->next, "");
  EXPECT_EQ(tags().size(), 1'100U);
}

}  // namespace
}  // namespace holdfast::pruning
