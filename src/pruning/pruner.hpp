// What pruning policies say, carried out: tags judged page by page and removed in small
// transactions, each only if it still is what was judged.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "jobs/run.hpp"
#include "oci/digest.hpp"
#include "oci/name.hpp"
#include "pruning/policies.hpp"
#include "pruning/rules.hpp"
#include "repos/content.hpp"
#include "repos/repositories.hpp"
#include "settings/store.hpp"

namespace holdfast::pruning {

inline constexpr std::string_view kParametersInvalid = "pruning_parameters_invalid";  // invalid

// The kind of job that run() is the work of, and how often it is due without parameters.
inline constexpr std::string_view kAction = "tag_pruning";
// The parameters of a job for one policy: {"repository":"ns/name","policy":"<uuid>"}.
boost::json::object job_parameters(std::string_view repository, std::string_view policy);

// Who is named as the actor of what a policy removed: "pruning:<uuid>".
inline constexpr std::string_view kActorPrefix = "pruning:";

// What a scan found in an image (a manifest, or an index) of a repository; nothing when there is no
// result. Blocks as it likes; called from any thread.
using ScanResults = std::function<Result<std::optional<ScanFacts>>(std::int64_t repository_id,
                                                                   const oci::Digest& digest)>;
// As long as nothing is scanned.
Result<std::optional<ScanFacts>> no_scan_results(std::int64_t repository_id,
                                                 const oci::Digest& digest);

// Threads: any; all calls block. Two evaluations of one policy at the same time, of two replicas
// too, do no harm: each tag is removed once.
class Pruner {
 public:
  Pruner(Policies& policies, repos::Repositories& repositories, repos::Content& content,
         settings::Store& settings, const Clock& clock, ScanResults scan_results = no_scan_results)
      : policies_(policies),
        repositories_(repositories),
        content_(content),
        settings_(settings),
        clock_(clock),
        scan_results_(std::move(scan_results)) {}

  struct Match {
    oci::Tag tag;
    oci::Digest digest;
  };
  struct Matches {
    std::vector<Match> found;  // in byte order of the tags
    std::string next;          // the tag that the next page starts with; empty: there is no more
  };
  // What rules would remove now, from the tag `start` on, `limit` at most; nothing is. Looks at
  // kTestedAtMost tags, then gives what it has, perhaps nothing, and a `next`.
  Result<Matches> matches(std::int64_t repository_id, std::span<const Rule> rules,
                          std::string_view start, std::int64_t limit);
  static constexpr std::int64_t kTestedAtMost = 100'000;

  // The work of a job of kAction. With job_parameters() one policy, which may be gone or disabled
  // by now: then nothing; without parameters all that are enabled. Removes nothing while the
  // registry is in read-only mode. Bounded memory; asks should_stop() between any two steps. A
  // policy that fails does not keep the others from being evaluated: the first error is given at
  // the end. invalid/kParametersInvalid.
  Result<void> run(jobs::Run& run);

 private:
  struct Outcome;

  Result<std::string_view> reason_to_stop(const jobs::Run& run);
  Result<void> run_all(jobs::Run& run);
  Result<void> prune(jobs::Run& run, const Policy& policy, bool log_always);
  Result<bool> prune_page(jobs::Run& run, const Policy& policy, const repos::Repository& repository,
                          std::string& start, Outcome& outcome);
  Result<bool> remove(jobs::Run& run, const Policy& policy, const repos::Repository& repository,
                      std::span<const repos::TagState> doomed, Outcome& outcome);
  Result<Verdict> judge_tag(std::int64_t repository_id, std::span<const Rule> rules,
                            const repos::TagState& tag, Timestamp now);

  Policies& policies_;
  repos::Repositories& repositories_;
  repos::Content& content_;
  settings::Store& settings_;
  const Clock& clock_;
  const ScanResults scan_results_;
};

}  // namespace holdfast::pruning
