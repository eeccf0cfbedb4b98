// Why is it kept?
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "gc/collector.hpp"

namespace holdfast::gc {

namespace {

using Lines = std::vector<std::string>;
using Grace = std::optional<std::chrono::seconds>;

constexpr std::string_view kNextRun = "nothing keeps it: the next run removes it";

std::string some(const std::vector<std::string>& names) {
  const std::string_view more = names.size() == repos::kKeepersNamed ? ", …" : "";
  return fmt::format("{}{}", fmt::join(names, ", "), more);
}

// What follows once nothing else keeps it.
std::string until(Timestamp since, const Grace& grace, Timestamp now) {
  if (!grace) return "nothing keeps it, but by the settings it is never removed (gcUntaggedGrace)";
  if (since + *grace <= now) return std::string(kNextRun);
  return fmt::format("nothing else keeps it: it may go after {}", rfc3339(since + *grace));
}

void add(Lines& lines, const repos::KeptManifest& kept, const Grace& grace, Timestamp now) {
  const std::size_t before = lines.size();
  const auto say = [&](std::string_view what) {
    lines.push_back(fmt::format("manifest in {}: {}", kept.repository, what));
  };
  if (!kept.tags.empty()) say("tagged " + some(kept.tags));
  if (!kept.indexes.empty()) say("named by the index " + some(kept.indexes));
  if (!kept.subject.empty()) say("a referrer of " + kept.subject);
  if (lines.size() > before) return;
  say(kept.loose_since ? until(*kept.loose_since, grace, now)
                       : "untagged since before this was written down: its grace begins with the "
                         "next search");
}

void add(Lines& lines, const repos::KeptLink& link, const Grace& grace, Timestamp now) {
  lines.push_back(fmt::format("blob in {}: {}", link.repository,
                              link.manifests.empty()
                                  ? until(link.told_at, grace, now)
                                  : "named by the manifest " + some(link.manifests)));
}

}  // namespace

Result<std::vector<std::string>> Collector::explain(const oci::Digest& digest) {
  HF_TRY(const auto values, settings_.load());
  HF_TRY(const repos::Kept kept, repos::what_keeps(database_, digest));
  const Timestamp now = clock_.now();
  Lines lines;
  for (const auto& manifest : kept.manifests) {
    add(lines, manifest, settings::grace_of(values->gc_untagged_grace), now);
  }
  for (const auto& link : kept.links) {
    add(lines, link, settings::duration_of(values->gc_blob_grace), now);
  }
  if (!kept.pinned_for.empty()) {
    lines.push_back(fmt::format("blob of no repository: kept as {}", kept.pinned_for));
  } else if (kept.is_blob && kept.links.empty()) {
    lines.push_back(fmt::format("blob of no repository: {}", kNextRun));
  }
  if (!lines.empty()) return lines;
  return fail(ErrorCode::not_found, repos::kBlobUnknown,
              fmt::format("{} is not stored here", digest.text()));
}

}  // namespace holdfast::gc
