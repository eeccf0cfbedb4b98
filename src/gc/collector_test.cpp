#include "gc/collector.hpp"

#include <filesystem>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>
#include <stdlib.h>

#include "accounts/accounts.hpp"
#include "blob/digesting.hpp"
#include "blob/fs/fs.hpp"
#include "blob/memory/memory.hpp"
#include "db/migrations.hpp"
#include "db/sqlite/sqlite.hpp"
#include "gc/work.hpp"
#include "repos/pins.hpp"

namespace holdfast::gc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

enum class Driver { memory, files };

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

oci::Digest digest_of(std::string_view text) {
  blob::Digesting digesting(oci::Algorithm::sha256);
  digesting.update(bytes(text));
  return digesting.digest();
}

// What a process holds; a new one is what a restart, or another replica, finds.
struct Process {
  Process(db::Database& database, blob::Store& blobs, const Clock& clock, Random& random)
      : settings(database, clock, {}),
        repositories(database, clock, random),
        content(database, clock, {}),
        uploads(database, blobs, clock, random),
        collector(database, content, blobs, uploads, settings, clock, random) {}
  settings::Store settings;
  repos::Repositories repositories;
  repos::Content content;
  uploads::Uploads uploads;
  Collector collector;
};

class CollectorTest : public testing::TestWithParam<Driver> {
 protected:
  CollectorTest() {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast-gc-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    database_ = db::sqlite::open((folder_ / "test.db").string()).value();
    EXPECT_TRUE(database_->migrate(
        db::joined({events::migrations(), settings::migrations(), accounts::migrations(),
                    repos::migrations(), uploads::migrations(), migrations()})));
    blobs_ =
        GetParam() == Driver::memory ? blob::memory::make(clock_) : blob::fs::open(folder_).value();
    accounts::Accounts accounts(*database_, clock_, random_);
    EXPECT_TRUE(accounts.create_user({"alice", "a good password"}, actor_));
    restart();
    app_ = create("alice/app");
    other_ = create("alice/other");
  }
  ~CollectorTest() override { std::filesystem::remove_all(folder_); }

  void restart() { process_ = std::make_unique<Process>(*database_, *blobs_, clock_, random_); }
  repos::Content& content() { return process_->content; }
  Collector& collector() { return process_->collector; }
  std::optional<repos::Repository> create(std::string_view name) {
    return process_->repositories.create(oci::RepositoryName::parse(name).value(), {}, actor_)
        .value();
  }
  void set(std::string_view name, std::string_view value) {
    EXPECT_TRUE(process_->settings.change({{name, value}}, actor_));
  }
  static oci::Tag tag(std::string_view text) { return oci::Tag::parse(text).value(); }

  void upload(const std::optional<repos::Repository>& into, std::string_view text) {
    auto upload = process_->uploads.begin(*into, oci::Algorithm::sha256, actor_).value();
    ASSERT_TRUE(upload.append(bytes(text)));
    ASSERT_TRUE(process_->uploads.finish(std::move(upload), *into, digest_of(text)));
  }
  static std::string image(std::string_view config, const std::string& more = "") {
    return fmt::format(
        R"({{"schemaVersion":2,"config":{{"mediaType":"application/c","digest":"{}","size":1}},"layers":[]{}}})",
        digest_of(config).text(), more);
  }
  static std::string about(std::string_view config, const oci::Digest& subject) {
    return image(config, fmt::format(R"(,"subject":{{"digest":"{}","size":1}})", subject.text()));
  }
  static std::string index(const std::vector<oci::Digest>& children) {
    std::string list;
    for (const oci::Digest& child : children) {
      list += fmt::format(R"({}{{"digest":"{}","size":1}})", list.empty() ? "" : ",", child.text());
    }
    return fmt::format(R"({{"schemaVersion":2,"manifests":[{}]}})", list);
  }
  Result<repos::PutResult> try_put(const std::optional<repos::Repository>& into,
                                   const std::string& text, std::vector<std::string> tags,
                                   std::string_view type) {
    std::vector<oci::Tag> parsed;
    for (const std::string& name : tags) parsed.push_back(tag(name));
    return content().put(*into, {std::move(parsed), std::nullopt, std::string(type), text}, actor_);
  }
  oci::Digest put(const std::optional<repos::Repository>& into, const std::string& text,
                  std::vector<std::string> tags, std::string_view type = oci::kOciManifest) {
    return try_put(into, text, std::move(tags), type).value().digest;
  }
  oci::Digest put_index(const std::vector<oci::Digest>& children, std::vector<std::string> tags) {
    return put(app_, index(children), std::move(tags), oci::kOciIndex);
  }
  // An image with a blob of its own.
  oci::Digest push(const std::optional<repos::Repository>& into, std::string_view config,
                   std::vector<std::string> tags) {
    upload(into, config);
    return put(into, image(config), std::move(tags));
  }
  void untag(std::string_view name) { ASSERT_TRUE(content().remove(*app_, tag(name), actor_)); }

  Totals collect(Scope scope = Scope::all, Search search = Search::when_due) {
    const std::string run = collector().begin(scope, search).value();
    Progress progress;
    while (progress.phase != Phase::done) progress = collector().step(run, 200ms).value();
    return progress.totals;
  }
  bool has(const std::optional<repos::Repository>& in, const oci::Digest& digest) {
    return content().manifest(in->id, repos::Reference(digest)).has_value();
  }
  // Whether the bytes can still be read there.
  bool has_blob(const std::optional<repos::Repository>& in, std::string_view text) {
    const auto found = content().blob(in->id, digest_of(text));
    return found && blobs_->open(found.value()->key).has_value();
  }
  std::size_t stored() {
    std::size_t count = 0;
    for (int part = 0; part < blob::BlobAdmin::kListParts; ++part) {
      EXPECT_TRUE(blobs_->list_blobs(part, [&](const blob::ListedBlob& /*one*/) -> Result<void> {
        ++count;
        return {};
      }));
    }
    return count;
  }
  std::string why(const oci::Digest& digest) {
    const auto lines = collector().explain(digest);
    return lines ? fmt::format("{}", fmt::join(*lines, "\n")) : lines.error().message;
  }
  void days(int count) { clock_.advance(count * 24h); }

  std::filesystem::path folder_;
  std::unique_ptr<db::Database> database_;
  ManualClock clock_{SystemClock().now()};
  SystemRandom random_;
  std::unique_ptr<blob::Store> blobs_;
  std::unique_ptr<Process> process_;
  std::optional<repos::Repository> app_, other_;
  events::Actor actor_{1, "alice", "", "", ""};
};

// What depends on how bytes are kept; a store on disk takes seconds to make.
class CollectorOnEachStoreTest : public CollectorTest {};

INSTANTIATE_TEST_SUITE_P(Memory, CollectorTest, testing::Values(Driver::memory));
INSTANTIATE_TEST_SUITE_P(Drivers, CollectorOnEachStoreTest,
                         testing::Values(Driver::memory, Driver::files));

TEST_P(CollectorTest, WhatATagLeavesGoesAfterTheGraceAndItsBytesWithIt) {
  const auto kept = push(app_, "kept", {"v1"});
  const auto moved = push(app_, "moved", {"latest"});
  push(app_, "new", {"latest"});
  days(6);
  EXPECT_EQ(collect().manifests, 0);
  EXPECT_THAT(why(moved), HasSubstr("may go after"));
  days(2);
  EXPECT_EQ(collect().manifests, 1);
  EXPECT_FALSE(has(app_, moved));
  EXPECT_TRUE(has_blob(app_, "moved")) << "its own grace begins with the manifest's end";
  clock_.advance(61min);
  const Totals totals = collect();
  EXPECT_EQ(totals.links, 1);
  EXPECT_EQ(totals.blobs, 1);
  EXPECT_EQ(totals.size_bytes, 5);
  EXPECT_FALSE(has_blob(app_, "moved"));
  EXPECT_EQ(stored(), 2U);
  EXPECT_TRUE(has(app_, kept));
  EXPECT_TRUE(has_blob(app_, "kept"));
  days(1000);
  EXPECT_EQ(collect().manifests, 0);
  EXPECT_EQ(stored(), 2U);
}

TEST_P(CollectorTest, TheGraceBeginsWhenTheLastTagGoes) {
  const auto digest = push(app_, "x", {"a", "b"});
  days(100);
  untag("a");
  days(100);
  collect();
  EXPECT_TRUE(has(app_, digest));
  untag("b");
  days(6);
  collect();
  EXPECT_TRUE(has(app_, digest));
  put(app_, image("x"), {"again"});
  days(100);
  collect();
  EXPECT_TRUE(has(app_, digest));
  untag("again");
  days(8);
  collect();
  EXPECT_FALSE(has(app_, digest));
}

TEST_P(CollectorTest, WhoWasToldThatAManifestIsThereMayNameItForAWholeGrace) {
  const auto named = push(app_, "x", {"v1"});
  const auto forgotten = push(app_, "y", {});
  untag("v1");
  days(6);
  const auto told = content().manifest(app_->id, named).value();
  ASSERT_TRUE(content().keep_for_push(app_->id, *told));
  days(6);
  EXPECT_EQ(collect().manifests, 1);
  EXPECT_FALSE(has(app_, forgotten));
  put_index({named}, {"multi"});
  days(100);
  collect();
  EXPECT_TRUE(has(app_, named));
  untag("multi");
  days(8);
  EXPECT_EQ(collect().manifests, 2);
  EXPECT_EQ(content().keep_for_push(app_->id, *told).error().reason, repos::kManifestUnknown);
}

TEST_P(CollectorTest, AnIndexKeepsItsChildrenAndTakesThemAlong) {
  const auto one = push(app_, "one", {});
  const auto two = push(app_, "two", {"own"});
  const auto inner = put_index({one}, {});
  const auto outer = put_index({inner, two}, {"v1"});
  days(1000);
  EXPECT_EQ(collect().manifests, 0);
  EXPECT_THAT(why(one), HasSubstr("named by the index " + inner.text()));
  untag("v1");
  days(6);
  untag("own");
  days(2);
  EXPECT_EQ(collect().manifests, 3) << "the index, the one in it, and its child";
  EXPECT_FALSE(has(app_, outer) || has(app_, inner) || has(app_, one));
  EXPECT_TRUE(has(app_, two)) << "it lost its tag two days ago";
  days(6);
  collect();
  EXPECT_FALSE(has(app_, two));
}

TEST_P(CollectorTest, AnotherIndexGoesOnKeepingAChild) {
  const auto child = push(app_, "child", {});
  const auto one = put_index({child}, {"one"});
  put_index({child, push(app_, "more", {})}, {"two"});
  ASSERT_TRUE(content().remove(*app_, repos::Reference(one), actor_));
  days(100);
  EXPECT_EQ(collect().manifests, 0);
  EXPECT_TRUE(has(app_, child));
}

TEST_P(CollectorTest, ReferrersGoWithTheirSubject) {
  const auto subject = push(app_, "subject", {"v1"});
  upload(app_, "sbom");
  const auto sbom = put(app_, about("sbom", subject), {});
  const auto signature = put(app_, about("sbom", sbom), {});
  const auto tagged = put(app_, about("subject", subject), {"mine"});
  days(100);
  EXPECT_EQ(collect().manifests, 0);
  EXPECT_THAT(why(sbom), HasSubstr("a referrer of " + subject.text()));
  untag("v1");
  days(8);
  EXPECT_EQ(collect().manifests, 3);
  EXPECT_FALSE(has(app_, sbom) || has(app_, signature));
  EXPECT_TRUE(has(app_, tagged)) << "a tag keeps whatever has it";
}

TEST_P(CollectorTest, AFallbackTagLastsAsLongAsItsSubject) {
  const auto subject = push(app_, "subject", {"v1"});
  const auto plain = push(app_, "plain", {});
  const auto list = put_index({plain}, {oci::fallback_tag(subject)});
  const auto cosign = push(app_, "cosign", {oci::fallback_tag(subject) + ".sig"});
  days(100);
  EXPECT_EQ(collect().manifests, 0);
  untag("v1");
  days(8);
  EXPECT_EQ(collect().manifests, 3);
  EXPECT_FALSE(has(app_, list) || has(app_, plain));
  EXPECT_TRUE(has(app_, cosign)) << "what it signs may lie in another repository";
}

TEST_P(CollectorTest, TwoRepositoriesShareABlob) {
  push(app_, "shared", {"v1"});
  ASSERT_TRUE(content().mount(*app_, *other_, digest_of("shared")));
  put(other_, image("shared"), {"v1"});
  untag("v1");
  days(8);
  collect();
  clock_.advance(2h);
  EXPECT_EQ(collect().links, 1);
  EXPECT_FALSE(has_blob(app_, "shared"));
  EXPECT_TRUE(has_blob(other_, "shared"));
  EXPECT_THAT(why(digest_of("shared")), HasSubstr("blob in alice/other: named by the manifest"));
  ASSERT_TRUE(process_->repositories.remove(other_->name, actor_));
  EXPECT_THAT(why(digest_of("shared")), HasSubstr("the next run removes it"));
  EXPECT_EQ(collect().blobs, 1);
  EXPECT_EQ(stored(), 0U);
  EXPECT_THAT(why(digest_of("shared")), HasSubstr("is not stored here"));
}

TEST_P(CollectorTest, WhoWasToldThatABlobIsThereFindsItThere) {
  upload(app_, "early");
  clock_.advance(50min);
  ASSERT_TRUE(
      content().keep_for_push(app_->id, *content().blob(app_->id, digest_of("early")).value()));
  upload(app_, "mounted");
  ASSERT_TRUE(content().mount(*app_, *other_, digest_of("early")));
  clock_.advance(50min);
  EXPECT_EQ(collect().links, 0);
  EXPECT_TRUE(try_put(app_, image("early"), {"v1"}, oci::kOciManifest));
  clock_.advance(15min);
  EXPECT_EQ(collect().links, 2) << "the mount that came to nothing, and what was only uploaded";
  EXPECT_TRUE(has_blob(app_, "early"));
  EXPECT_EQ(stored(), 1U);
}

TEST_P(CollectorOnEachStoreTest, AnotherReplicaThatRemembersABlobIsToldOfItsEnd) {
  Process replica(*database_, *blobs_, clock_, random_);
  upload(app_, "x");
  const auto remembered = replica.content.blob(app_->id, digest_of("x")).value();
  const auto reader = blobs_->open(remembered->key).value();
  clock_.advance(2h);
  EXPECT_EQ(collect().blobs, 1);
  EXPECT_EQ(replica.content.keep_for_push(app_->id, *remembered).error().reason,
            repos::kBlobUnknown);
  EXPECT_EQ(replica.content.cached_blob(app_->id, digest_of("x")), nullptr);
  std::byte one{};
  EXPECT_EQ(reader->read_at(0, std::span(&one, 1)).value(), 1U) << "a pull in flight goes on";
}

TEST_P(CollectorTest, ABlobThatIsPushedAgainHasBytesOfItsOwn) {
  upload(app_, "x");
  clock_.advance(2h);
  const auto removed = content().blob(app_->id, digest_of("x")).value()->key;
  collect();
  upload(app_, "x");
  ASSERT_TRUE(blobs_->erase(removed)) << "a collector that was slow";
  EXPECT_TRUE(has_blob(app_, "x"));
}

TEST_P(CollectorOnEachStoreTest, FilesWithoutARowGoAfterADay) {
  upload(app_, "kept");
  put(app_, image("kept"), {"v1"});
  auto session = blobs_->begin("crashed", oci::Algorithm::sha256).value();
  ASSERT_TRUE(session->append(bytes("kept")));
  ASSERT_TRUE(session->commit(digest_of("kept")));
  EXPECT_EQ(collect(Scope::all, Search::anew).files, 0);
  days(2);
  EXPECT_EQ(collect().files, 0) << "the search is done every week";
  EXPECT_EQ(collect(Scope::all, Search::anew).files, 1);
  EXPECT_EQ(stored(), 1U);
  EXPECT_TRUE(has_blob(app_, "kept"));
}

TEST_P(CollectorOnEachStoreTest, WhatIsPinnedStaysUntilItIsLetGo) {
  auto session = blobs_->begin("advisories", oci::Algorithm::sha256).value();
  ASSERT_TRUE(session->append(bytes("kept")));
  const blob::Committed committed = session->commit(digest_of("kept")).value();
  const auto in_transaction = [&](const std::function<Result<void>(db::Tx&)>& function) {
    const auto outcome = database_->write(db::Durability::full, function);
    EXPECT_TRUE(outcome) << describe(outcome.error());
  };
  in_transaction([&](db::Tx& tx) -> Result<void> {
    HF_TRY(const auto loser, repos::pin(tx, digest_of("kept"), committed, "a list", clock_.now()));
    EXPECT_FALSE(loser);
    return {};
  });
  days(9);
  EXPECT_EQ(collect(Scope::all, Search::anew).blobs, 0);
  EXPECT_EQ(stored(), 1U);
  EXPECT_THAT(why(digest_of("kept")), HasSubstr("kept as a list"));
  in_transaction([&](db::Tx& tx) { return repos::unpin(tx, digest_of("kept")); });
  EXPECT_EQ(collect().blobs, 1);
  EXPECT_EQ(stored(), 0U);
}

TEST_P(CollectorOnEachStoreTest, AnUploadThatEndsJustNowKeepsItsFile) {
  auto upload = process_->uploads.begin(*app_, oci::Algorithm::sha256, actor_).value();
  const std::string id = upload.id();
  ASSERT_TRUE(upload.append(bytes("x")));
  const auto done = [&] { return collect(Scope::all, Search::anew).files; };
  {
    const auto closed = std::move(upload);
  }
  ASSERT_TRUE(blobs_->resume(id, oci::Algorithm::sha256).value()->commit(digest_of("x")));
  days(2);
  EXPECT_EQ(done(), 0) << "its session is there: the row may come at any moment";
  days(7);
  EXPECT_EQ(done(), 1);
}

TEST_P(CollectorTest, WhatOlderBuildsStoredIsFoundBySearching) {
  const auto child = push(app_, "child", {});
  put_index({child}, {"v1"});
  const auto loose = push(app_, "loose", {});
  upload(app_, "unlinked");
  ASSERT_TRUE(database_->write(db::Durability::full, [&](db::Tx& tx) -> Result<void> {
    HF_CHECK(tx.execute("DELETE FROM manifest_children", {}));
    HF_CHECK(tx.execute("DELETE FROM loose_manifests", {}));
    HF_CHECK(
        tx.execute("DELETE FROM repository_blobs WHERE blob_id = (SELECT id FROM blobs WHERE "
                   "digest = $1)",
                   {digest_of("unlinked").text()}));
    return {};
  }));
  days(100);
  EXPECT_THAT(why(loose), HasSubstr("its grace begins"));
  const Totals first = collect();
  EXPECT_EQ(first.manifests, 0);
  EXPECT_EQ(first.blobs, 1);
  days(8);
  EXPECT_EQ(collect().manifests, 1);
  EXPECT_FALSE(has(app_, loose));
  EXPECT_TRUE(has(app_, child));
}

TEST_P(CollectorTest, TheGraceIsASetting) {
  const auto digest = push(app_, "x", {"v1"});
  untag("v1");
  set("gcUntaggedGrace", "never");
  days(1000);
  EXPECT_EQ(collect().manifests, 0);
  EXPECT_THAT(why(digest), HasSubstr("never removed"));
  set("gcUntaggedGrace", "0");
  set("gcBlobGrace", "0");
  const Totals totals = collect();
  EXPECT_EQ(totals.manifests, 1);
  EXPECT_EQ(totals.blobs, 1);
}

TEST_P(CollectorTest, OneRunAtATimeAndAKilledOneEnds) {
  const std::string run = collector().begin(Scope::all).value();
  restart();
  EXPECT_EQ(collector().begin(Scope::blobs).error().reason, kGcRunning);
  clock_.advance(3min);
  EXPECT_EQ(collector().step(run, 10ms).error().reason, kGcRunEnded);
  EXPECT_FALSE(collector().status()->runs.front().ended == false);
  const std::string next = collector().begin(Scope::all).value();
  EXPECT_TRUE(collector().end(next));
  EXPECT_TRUE(collector().end(next));
  collect();
  const auto runs = collector().status().value().runs;
  ASSERT_EQ(runs.size(), 3U);
  EXPECT_EQ(runs.front().phase, Phase::done);
}

TEST_P(CollectorTest, AScopeDoesItsPartAlone) {
  push(app_, "x", {});
  set("gcUntaggedGrace", "0");
  set("gcBlobGrace", "0");
  EXPECT_EQ(collect(Scope::blobs).manifests, 0);
  EXPECT_EQ(collect(Scope::metadata).manifests, 1);
  EXPECT_EQ(stored(), 1U);
  EXPECT_EQ(collect(Scope::blobs).blobs, 1);
}

TEST_P(CollectorTest, AsAJobItLogsWhatItFreed) {
  class Job final : public jobs::Run {
   public:
    const boost::json::object& parameters() const override { return parameters_; }
    void log(std::string_view line) override { lines.emplace_back(line); }
    bool should_stop() const override { return stop; }
    std::vector<std::string> lines;
    bool stop = false;

   private:
    boost::json::object parameters_;
  } job;
  upload(app_, "four");
  clock_.advance(2h);
  job.stop = true;
  EXPECT_TRUE(work(collector(), Scope::all)(job));
  EXPECT_EQ(stored(), 1U);
  job.stop = false;
  EXPECT_TRUE(work(collector(), Scope::all)(job));
  EXPECT_EQ(stored(), 0U);
  EXPECT_THAT(job.lines, testing::Contains(HasSubstr("1 blobs, 4 B freed")));
}

// Pushes, tags, deletes, mounts and collections in any order, against a model of what is kept.
TEST_P(CollectorOnEachStoreTest, NothingReachableIsLostAndNothingElseStays) {
  set("gcUntaggedGrace", "2h");
  std::mt19937 random(20261125);
  const auto any = [&](std::size_t below) { return static_cast<std::size_t>(random() % below); };
  std::map<std::string, std::string> tags;  // name -> what its manifest is (a config, or an index)
  std::map<std::string, std::vector<std::string>> indexes;
  std::map<std::string, oci::Digest> digests;
  std::set<std::string> deleted;  // by digest, and not pushed again
  const auto image_of = [&](const std::string& config) {
    deleted.erase(config);
    upload(app_, config);
    digests.insert_or_assign(config, put(app_, image(config), {}));
  };
  for (int step = 0; step < 300; ++step) {
    const std::string name = fmt::format("t{}", any(6));
    switch (any(6)) {
      case 0: {
        const std::string config = fmt::format("c{}", any(40));
        deleted.erase(config);
        upload(app_, config);
        digests.insert_or_assign(config, put(app_, image(config), {name}));
        tags[name] = config;
        break;
      }
      case 1: {
        const std::vector<std::string> children = {fmt::format("c{}", any(40)),
                                                   fmt::format("c{}", any(40))};
        for (const std::string& child : children) image_of(child);
        const std::string key = fmt::format("i{}+{}", children[0], children[1]);
        digests.insert_or_assign(
            key, put_index({digests.at(children[0]), digests.at(children[1])}, {name}));
        indexes[key] = children;
        tags[name] = key;
        break;
      }
      case 2:
        if (tags.erase(name) > 0) untag(name);
        break;
      case 3:
        if (tags.contains(name)) {
          const std::string what = tags[name];
          ASSERT_TRUE(content().remove(*app_, repos::Reference(digests.at(what)), actor_));
          std::erase_if(tags, [&](const auto& entry) { return entry.second == what; });
          deleted.insert(what);
        }
        break;
      case 4:
        clock_.advance(std::chrono::minutes(any(90)));
        restart();
        break;
      default: {
        // Killed anywhere: a step or two of a run that nobody ends.
        const auto run = collector().begin(any(2) == 0 ? Scope::all : Scope::metadata);
        if (run) (void)collector().step(*run, std::chrono::milliseconds(any(4)));
        clock_.advance(3min);
        restart();
      }
    }
    std::set<std::string> kept;
    for (const auto& [tag_name, what] : tags) {
      ASSERT_TRUE(content().manifest(app_->id, tag(tag_name))) << step;
      kept.insert(what);
      for (const std::string& child : indexes[what]) {
        if (!deleted.contains(child)) kept.insert(child);
      }
    }
    for (const std::string& what : kept) {
      ASSERT_TRUE(has(app_, digests.at(what))) << what << " at step " << step;
      if (what[0] == 'c') ASSERT_TRUE(has_blob(app_, what)) << what << " at " << step;
    }
    if (step % 60 != 59) continue;
    clock_.advance(10h);
    collect();
    clock_.advance(2h);
    collect();
    std::size_t images = 0;
    for (const std::string& what : kept) images += what[0] == 'c' ? 1 : 0;
    ASSERT_EQ(stored(), images) << "at step " << step;
  }
}

}  // namespace
}  // namespace holdfast::gc
