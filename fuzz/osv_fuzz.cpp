// fuzz: advisories packages versions codec
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "advisories/ecosystems.hpp"
#include "advisories/osv.hpp"
#include "advisories/ranges.hpp"
#include "codec/text.hpp"

namespace {

using namespace holdfast::advisories;

void require(bool holds) {
  if (!holds) std::abort();
}

bool is_link(std::string_view url) {
  return (url.starts_with("https://") || url.starts_with("http://")) && !url.contains('\n');
}

// What is kept of a block says of every version that stands in it what the block said.
void check_affected(holdfast::versions::Scheme scheme, const Affected& affected) {
  const Affected again = unpack(pack(affected));
  constexpr std::size_t kVersions = 20;
  std::size_t asked = 0;
  const auto ask = [&](std::string_view version) {
    if (++asked > kVersions) return;
    const Verdict verdict = judge(scheme, affected, version);
    const Verdict kept = judge(scheme, again, version);
    require(verdict.is_affected == kept.is_affected);
    require(verdict.fixed_version == kept.fixed_version);
    require(verdict.is_affected || verdict.fixed_version.empty());
  };
  for (const auto& version : affected.versions) {
    ask(version);
    require(judge(scheme, affected, affected.versions.front()).is_affected);
  }
  for (const auto& range : affected.ranges) {
    for (const Event& event : range) ask(event.version);
  }
  ask("1.0.0");
}

}  // namespace

// Whatever comes: texts that a database takes, links that are links, and blocks that are kept as
// they were.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto record = parse_record({reinterpret_cast<const char*>(data), size});
  if (!record) {
    require(record.error().reason == kRecordInvalid);
    return 0;
  }
  using holdfast::codec::is_text;
  require(!record->id.empty() && is_text(record->id));
  require(is_text(record->summary) && !record->summary.contains('\n') && is_text(record->details));
  require(std::ranges::all_of(record->urls, is_link));
  for (const auto* names : {&record->aliases, &record->mends}) {
    for (const std::string& name : *names) {
      require(!name.empty() && is_text(name) && !name.contains('\n'));
    }
  }
  for (const Record::Package& package : record->packages) {
    const auto scheme = scheme_of(split_ecosystem(package.ecosystem).family);
    require(scheme.has_value() && !package.name.empty() && is_text(package.name));
    check_affected(*scheme, package.affected);
  }
  return 0;
}
