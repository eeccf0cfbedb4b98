// fuzz: pruning codec
#include <boost/json/serialize.hpp>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "codec/json.hpp"
#include "pruning/rules.hpp"

// Whatever comes: bounded, given back as it was, and judged the same when it is read again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  using namespace holdfast::pruning;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto age = parse_go_duration(text); age && age->count() < 0) std::abort();
  const auto json = codec::parse_json(text);
  if (!json) return 0;
  const auto rules = parse_rules(*json);
  if (!rules) return 0;
  if (rules->empty() || rules->size() > kRulesAtMost) std::abort();
  const auto again = parse_rules(shown(*rules));
  if (!again || shown(*again) != shown(*rules) || described(*rules).size() > 1'500) std::abort();
  const Candidate candidate{"v1", from_micros(1'764'000'000'000'000)};
  const auto facts = []() -> Result<std::optional<ScanFacts>> {
    return std::optional(ScanFacts{.licenses = {"MIT"}, .components = {"bash"}, .critical = 1});
  };
  const Timestamp now = from_micros(1'764'000'001'000'000);
  if (*judge(*rules, candidate, now, facts) != *judge(*again, candidate, now, facts)) std::abort();
  return 0;
}
