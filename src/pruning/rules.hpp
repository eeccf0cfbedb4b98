// The rules that policies are made of: {"field","operator","values"}, as DTR has them. What a rule
// says of a tag is decided here, and nothing is read or changed: pure, any thread.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace holdfast::pruning {

inline constexpr std::string_view kRuleInvalid = "rule_invalid";  // invalid

inline constexpr std::size_t kRulesAtMost = 25;          // of one policy
inline constexpr std::size_t kValuesAtMost = 100;        // of one rule
inline constexpr std::size_t kValueBytes = 256;          // of one value
inline constexpr std::size_t kRulesBytes = 64UZ << 10U;  // of a policy's rules as JSON

// What a scan found in an image.
struct ScanFacts {
  std::vector<std::string> licenses{};    // their names
  std::vector<std::string> components{};  // their names
  std::int64_t critical = 0;              // vulnerabilities
  std::int64_t major = 0;
  std::int64_t minor = 0;
};

// A tag, as rules see it.
struct Candidate {
  std::string_view tag;
  Timestamp updated_at;  // when it was pushed last
};

class Rule {
 public:
  // invalid/kRuleInvalid, with a message that says which field, operator or value is wrong.
  //   tag                                     eq sw ew c oo noo: equals, starts with, ends with,
  //                                           contains, is one of, is none of; bytes are compared.
  //                                           With several values one must fit (noo: none)
  //   license.name component.name             oo noo: the image has one of them, has none of them
  //   vulnerability_{all,critical,major,minor}  gte gt eq neq lte lt: one whole number, from 0 on
  //   updated_at                              bf af: pushed before or after an RFC 3339 time
  //   updated_at_duration                     bf af: "720h" (Go's form): pushed longer ago than
  //                                           that, or since then
  static Result<Rule> make(std::string_view field, std::string_view op,
                           std::vector<std::string> values);

  // As they were given.
  [[nodiscard]] std::string_view field() const;
  [[nodiscard]] std::string_view op() const;
  [[nodiscard]] const std::vector<std::string>& values() const { return values_; }

  // Whether it speaks of what a scan finds.
  [[nodiscard]] bool needs_scan() const;
  // Whether it holds; of a rule that needs_scan() only without, of the others only with facts.
  [[nodiscard]] bool holds(const Candidate& candidate, Timestamp now) const;
  [[nodiscard]] bool holds(const ScanFacts& facts) const;

 private:
  // What the one value of a rule says; nothing for a rule about names.
  using Operand = std::variant<std::monostate, std::int64_t, Timestamp, std::chrono::microseconds>;
  Rule(std::size_t field, std::size_t op, std::vector<std::string> values, Operand operand)
      : field_(field), op_(op), values_(std::move(values)), operand_(operand) {}

  std::size_t field_;  // places in the tables of fields and operators
  std::size_t op_;
  std::vector<std::string> values_;
  Operand operand_;
};

// A list of rules as JSON; unknown members are ignored. At least one, kRulesAtMost at most: without
// any, every tag would fit. invalid/kRuleInvalid names the rule by its place, from 1 on.
Result<std::vector<Rule>> parse_rules(const boost::json::value& value);
// In the order and with the values that they were made with.
boost::json::array shown(std::span<const Rule> rules);
// For people: `tag sw pr-; updated_at_duration bf 720h`, about 1,000 bytes at most.
std::string described(std::span<const Rule> rules);

enum class Verdict {
  no,
  yes,
  unknown,  // a rule needs the result of a scan and there is none
};

// Gives what a scan found in the image, or nothing when there is no result.
using AskFacts = std::function<Result<std::optional<ScanFacts>>()>;
// Whether all rules hold. `ask` is called once at most, and only when the rules that need no scan
// all hold; its error is returned.
Result<Verdict> judge(std::span<const Rule> rules, const Candidate& candidate, Timestamp now,
                      const AskFacts& ask);

// "1h30m", "1.5h", "90s", "0": as Go's time.ParseDuration, but for signs. Cut to microseconds.
// Nothing for what is none, or longer than Go's (292 years).
std::optional<std::chrono::microseconds> parse_go_duration(std::string_view text);

}  // namespace holdfast::pruning
