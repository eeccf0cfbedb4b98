// Pruning policies: which tags of a repository are removed without anybody asking. Made, changed,
// found and removed here; what they say is carried out by pruner.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "db/database.hpp"
#include "events/events.hpp"
#include "pruning/rules.hpp"
#include "repos/repository.hpp"

namespace holdfast::pruning {

inline constexpr std::string_view kPolicyUnknown = "pruning_policy_unknown";       // not_found
inline constexpr std::string_view kPolicyInvalid = "pruning_policy_invalid";       // invalid
inline constexpr std::string_view kTooManyPolicies = "too_many_pruning_policies";  // conflict
inline constexpr std::string_view kPolicyChanged = "pruning_policy_changed";       // conflict

inline constexpr std::int64_t kPoliciesAtMost = 50;  // of one repository

std::span<const db::Migration> migrations();

struct Policy {
  std::int64_t id = 0;  // for pages, in the order of creation
  std::string uuid{};
  std::int64_t repository_id = 0;
  std::string repository{};   // "ns/name"
  bool enabled = false;       // a disabled one removes nothing
  std::vector<Rule> rules{};  // a tag goes when all hold; never empty
  Timestamp since{};          // tags that were pushed last by then stay, whatever the rules say
  std::int64_t revision = 0;  // another one after each change
  std::optional<Timestamp> last_pruned_at{};  // when it was last evaluated to the end
};

// Which tags a new or changed policy is about: those that are there already as well, or only those
// that are pushed from now on ("Prune all tags" and "Prune future tags" in DTR).
enum class About { all_tags, future_tags };

struct NewPolicy {
  bool enabled = true;
  std::vector<Rule> rules{};
  About about = About::all_tags;
};
// Nothing = as it is. `about` counts for new rules; all_tags also for a policy that is enabled.
struct PolicyChange {
  std::optional<bool> enabled{};
  std::optional<std::vector<Rule>> rules{};
  About about = About::all_tags;
};

// Threads: any; all calls block. Access is not decided here. Policies go with their repository.
class Policies {
 public:
  Policies(db::Database& database, const Clock& clock, Random& random)
      : database_(database), clock_(clock), random_(random) {}

  // kTooManyPolicies; kPolicyInvalid for no rules at all; repos::kRepositoryUnknown when the
  // repository is gone.
  Result<Policy> create(const repos::Repository& repository, const NewPolicy& wanted,
                        const events::Actor& actor);
  // A change that changes nothing emits no event. kPolicyUnknown, kPolicyInvalid.
  Result<Policy> update(const repos::Repository& repository, std::string_view uuid,
                        const PolicyChange& change, const events::Actor& actor);
  // kPolicyUnknown.
  Result<void> remove(const repos::Repository& repository, std::string_view uuid,
                      const events::Actor& actor);

  // not_found/kPolicyUnknown, for those of other repositories too.
  Result<Policy> find(std::int64_t repository_id, std::string_view uuid);
  // Those of a repository behind `after` (an id), oldest first, at most `limit`. O(limit).
  Result<std::vector<Policy>> list(std::int64_t repository_id, std::int64_t after,
                                   std::int64_t limit);
  Result<std::int64_t> count(std::int64_t repository_id);
  // The enabled ones of all repositories behind `after`, likewise.
  Result<std::vector<Policy>> enabled_behind(std::int64_t after, std::int64_t limit);

  // That it was evaluated to the end just now; nothing when it has been changed since it was read.
  Result<void> evaluated(const Policy& policy);
  // In the transaction that removes tags for it: conflict/kPolicyChanged when it is not enabled any
  // more, or another one than when it was read.
  static Result<void> check_current(db::Tx& tx, const Policy& policy);

 private:
  db::Database& database_;
  const Clock& clock_;
  Random& random_;
};

}  // namespace holdfast::pruning
