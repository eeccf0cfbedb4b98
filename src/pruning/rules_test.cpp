#include "pruning/rules.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <random>

namespace holdfast::pruning {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using testing::HasSubstr;

constexpr Timestamp kNow{std::chrono::sys_days{std::chrono::year{2026} / 11 / 25}};

Rule rule(std::string_view field, std::string_view op, std::vector<std::string> values) {
  return Rule::make(field, op, std::move(values)).value();
}

bool fits(std::string_view op, std::vector<std::string> values, std::string_view tag) {
  return rule("tag", op, std::move(values)).holds({tag, kNow}, kNow);
}

std::string refusal(std::string_view json) {
  const auto rules = parse_rules(boost::json::parse(json));
  if (rules) return "";
  EXPECT_EQ(rules.error().code, ErrorCode::invalid);
  EXPECT_EQ(rules.error().reason, kRuleInvalid);
  return rules.error().message;
}

TEST(Rules, CompareNamesOfTags) {
  EXPECT_TRUE(fits("eq", {"v1"}, "v1"));
  EXPECT_FALSE(fits("eq", {"v1"}, "V1"));
  EXPECT_TRUE(fits("sw", {"pr-"}, "pr-7"));
  EXPECT_FALSE(fits("sw", {"pr-"}, "a-pr-7"));
  EXPECT_TRUE(fits("ew", {"-dev"}, "v1-dev"));
  EXPECT_FALSE(fits("ew", {"-dev"}, "v1-dev2"));
  EXPECT_TRUE(fits("c", {"rc"}, "v1-rc2"));
  EXPECT_FALSE(fits("c", {"rc"}, "v1"));
  EXPECT_TRUE(fits("oo", {"a", "b"}, "b"));
  EXPECT_FALSE(fits("oo", {"a", "b"}, "ab"));
  EXPECT_TRUE(fits("noo", {"a", "b"}, "c"));
  EXPECT_FALSE(fits("noo", {"a", "b"}, "b"));
  EXPECT_TRUE(fits("sw", {"x", "pr-"}, "pr-7")) << "one of several is enough";
}

TEST(Rules, CompareCounts) {
  const ScanFacts facts{.critical = 1, .major = 2, .minor = 4};
  const auto holds = [&](std::string_view field, std::string_view op, std::string value) {
    return rule(field, op, {std::move(value)}).holds(facts);
  };
  EXPECT_TRUE(holds("vulnerability_all", "eq", "7"));
  EXPECT_TRUE(holds("vulnerability_critical", "eq", "1"));
  EXPECT_TRUE(holds("vulnerability_major", "eq", "2"));
  EXPECT_TRUE(holds("vulnerability_minor", "eq", "4"));
  for (const auto& [op, below, same, above] :
       std::vector<std::tuple<std::string_view, bool, bool, bool>>{{"gte", true, true, false},
                                                                   {"gt", true, false, false},
                                                                   {"eq", false, true, false},
                                                                   {"neq", true, false, true},
                                                                   {"lte", false, true, true},
                                                                   {"lt", false, false, true}}) {
    EXPECT_EQ(holds("vulnerability_all", op, "6"), below) << op;
    EXPECT_EQ(holds("vulnerability_all", op, "7"), same) << op;
    EXPECT_EQ(holds("vulnerability_all", op, "8"), above) << op;
  }
}

TEST(Rules, CompareWhatIsInAnImage) {
  const ScanFacts facts{.licenses = {"GPL-3.0", "MIT"}, .components = {"bash"}};
  EXPECT_TRUE(rule("license.name", "oo", {"X", "MIT"}).holds(facts));
  EXPECT_FALSE(rule("license.name", "oo", {"X"}).holds(facts));
  EXPECT_TRUE(rule("license.name", "noo", {"X"}).holds(facts));
  EXPECT_FALSE(rule("license.name", "noo", {"X", "MIT"}).holds(facts));
  EXPECT_TRUE(rule("component.name", "oo", {"bash"}).holds(facts));
  EXPECT_FALSE(rule("component.name", "oo", {"MIT"}).holds(facts));
  EXPECT_TRUE(rule("component.name", "noo", {"zsh"}).holds(ScanFacts{}));
}

TEST(Rules, CompareTimes) {
  const auto pushed = [](std::string_view field, std::string_view op, std::string value,
                         microseconds ago) {
    return rule(field, op, {std::move(value)}).holds({"v1", kNow - ago}, kNow);
  };
  EXPECT_TRUE(pushed("updated_at_duration", "bf", "720h", hours(721)));
  EXPECT_FALSE(pushed("updated_at_duration", "bf", "720h", hours(720)));
  EXPECT_FALSE(pushed("updated_at_duration", "bf", "720h", hours(719)));
  EXPECT_TRUE(pushed("updated_at_duration", "af", "720h", hours(719)));
  EXPECT_FALSE(pushed("updated_at_duration", "af", "720h", hours(721)));
  EXPECT_TRUE(pushed("updated_at", "bf", "2026-11-24T12:00:00Z", hours(13)));
  EXPECT_FALSE(pushed("updated_at", "bf", "2026-11-24T12:00:00+02:00", hours(13)));
  EXPECT_TRUE(pushed("updated_at", "af", "2026-11-24T12:00:00Z", hours(11)));
}

TEST(Rules, ThatAreWrongSayWhat) {
  EXPECT_EQ(refusal("{}"), "\"rules\" must be a list");
  EXPECT_EQ(refusal("[]"), "\"rules\" must not be empty: without a rule every tag would fit");
  EXPECT_EQ(refusal("[1]"), R"(rule 1: must be {"field": "…", "operator": "…", "values": ["…"]})");
  EXPECT_EQ(refusal(R"([{"field":"tag","operator":"eq","values":["a"]},
                        {"field":"tags","operator":"eq","values":["a"]}])"),
            "rule 2: \"field\" must be one of tag, license.name, component.name, "
            "vulnerability_all, vulnerability_critical, vulnerability_major, vulnerability_minor, "
            "updated_at, updated_at_duration");
  const auto one = [](std::string_view field, std::string_view op, std::string_view values) {
    return refusal(
        fmt::format(R"([{{"field":"{}","operator":"{}","values":{}}}])", field, op, values));
  };
  EXPECT_EQ(one("tag", "gt", R"(["a"])"),
            "rule 1: \"operator\" of tag must be one of eq, sw, ew, c, oo, noo");
  EXPECT_EQ(one("license.name", "eq", R"(["a"])"),
            "rule 1: \"operator\" of license.name must be one of oo, noo");
  EXPECT_EQ(one("vulnerability_all", "sw", R"(["1"])"),
            "rule 1: \"operator\" of vulnerability_all must be one of gte, gt, eq, neq, lte, lt");
  EXPECT_EQ(one("updated_at", "eq", R"(["a"])"),
            "rule 1: \"operator\" of updated_at must be one of bf, af");
  EXPECT_EQ(one("tag", "eq", "[]"), "rule 1: \"values\" must not be empty");
  EXPECT_EQ(one("tag", "eq", R"([""])"),
            "rule 1: a value must not be empty: it would fit everything");
  EXPECT_EQ(one("tag", "eq", "[1]"), "rule 1: \"values\" must be strings");
  EXPECT_THAT(one("tag", "eq", "null"), HasSubstr("must be {"));
  for (const char* value : {"-1", "1.5", "x", " 1", "99999999999999999999"}) {
    EXPECT_EQ(one("vulnerability_all", "eq", fmt::format(R"(["{}"])", value)),
              "rule 1: the value of vulnerability_all must be a whole number");
  }
  EXPECT_EQ(one("vulnerability_all", "eq", R"(["1","2"])"),
            "rule 1: \"values\" of vulnerability_all must hold exactly one value");
  EXPECT_EQ(one("updated_at", "bf", R"(["yesterday"])"),
            "rule 1: the value of updated_at must be like \"2026-11-24T04:31:30Z\"");
  EXPECT_EQ(one("updated_at_duration", "bf", R"(["30d"])"),
            "rule 1: the value of updated_at_duration must be like \"720h\" or \"1h30m\"");
}

TEST(Rules, AreBounded) {
  const auto rules = [](std::size_t rules, std::size_t values, std::size_t bytes) {
    boost::json::array all;
    for (std::size_t i = 0; i < rules; ++i) {
      all.emplace_back(boost::json::object{
          {"field", "tag"},
          {"operator", "oo"},
          {"values", boost::json::array(values, boost::json::value(std::string(bytes, 'a')))}});
    }
    return refusal(boost::json::serialize(all));
  };
  EXPECT_EQ(rules(kRulesAtMost, 1, 1), "");
  EXPECT_EQ(rules(kRulesAtMost + 1, 1, 1), "\"rules\" may hold 25 rules at most");
  EXPECT_EQ(rules(1, kValuesAtMost, kValueBytes), "");
  EXPECT_EQ(rules(1, kValuesAtMost + 1, 1), "rule 1: \"values\" may hold 100 values at most");
  EXPECT_EQ(rules(1, 1, kValueBytes + 1), "rule 1: a value may have 256 bytes at most");
  EXPECT_THAT(rules(4, 65, kValueBytes), HasSubstr("the values of \"rules\" may have 65536 bytes"));
}

TEST(Rules, AreGivenBackAsTheyWereSent) {
  constexpr std::string_view kSent =
      R"([{"field":"updated_at_duration","operator":"bf","values":["1h30m"]},)"
      R"({"field":"tag","operator":"oo","values":["b","a","b"]},)"
      R"({"field":"vulnerability_all","operator":"gte","values":["007"]}])";
  const auto rules = parse_rules(boost::json::parse(kSent)).value();
  EXPECT_EQ(boost::json::serialize(shown(rules)), kSent);
  EXPECT_EQ(described(rules),
            "updated_at_duration bf 1h30m; tag oo b and 2 more; vulnerability_all gte 007");
}

TEST(Rules, MustAllHold) {
  const std::vector<Rule> rules = {rule("tag", "sw", {"pr-"}),
                                   rule("updated_at_duration", "bf", {"1h"})};
  const auto verdict = [&](std::string_view tag, microseconds ago) {
    return judge(rules, {tag, kNow - ago}, kNow,
                 []() -> Result<std::optional<ScanFacts>> {
                   ADD_FAILURE() << "nothing of a scan is asked";
                   return std::optional<ScanFacts>();
                 })
        .value();
  };
  EXPECT_EQ(verdict("pr-1", hours(2)), Verdict::yes);
  EXPECT_EQ(verdict("pr-1", hours(0)), Verdict::no);
  EXPECT_EQ(verdict("v1", hours(2)), Verdict::no);
  EXPECT_EQ(judge({}, {"v1", kNow}, kNow, {}).value(), Verdict::no) << "no rule removes nothing";
}

TEST(Rules, AskForAScanOnceAndOnlyWhenItMatters) {
  const std::vector<Rule> rules = {rule("vulnerability_critical", "gte", {"1"}),
                                   rule("license.name", "oo", {"MIT"}), rule("tag", "sw", {"v"})};
  int asked = 0;
  std::optional<ScanFacts> facts;
  const auto verdict = [&](std::string_view tag) {
    return judge(rules, {tag, kNow}, kNow,
                 [&]() -> Result<std::optional<ScanFacts>> {
                   ++asked;
                   return facts;
                 })
        .value();
  };
  EXPECT_EQ(verdict("x"), Verdict::no);
  EXPECT_EQ(asked, 0);
  EXPECT_EQ(verdict("v1"), Verdict::unknown);
  EXPECT_EQ(asked, 1);
  facts = ScanFacts{.licenses = {"MIT"}, .critical = 1};
  EXPECT_EQ(verdict("v1"), Verdict::yes);
  facts->critical = 0;
  EXPECT_EQ(verdict("v1"), Verdict::no);
  EXPECT_EQ(asked, 3);
}

TEST(Rules, OneOfAndNoneOfAreOppositesAndTheRestFollowFromStrings) {
  std::mt19937 random(7);
  const auto word = [&] {
    std::string text(1 + random() % 4, 'a');
    for (char& letter : text) letter = static_cast<char>('a' + random() % 3);
    return text;
  };
  for (int i = 0; i < 5'000; ++i) {
    const std::string tag = word();
    const std::vector<std::string> values = {word(), word()};
    const auto any = [&](auto test) { return test(values[0]) || test(values[1]); };
    EXPECT_EQ(fits("oo", values, tag), any([&](const auto& v) { return v == tag; }));
    EXPECT_NE(fits("oo", values, tag), fits("noo", values, tag));
    EXPECT_EQ(fits("oo", values, tag), fits("eq", values, tag));
    EXPECT_EQ(fits("sw", values, tag), any([&](const auto& v) { return tag.starts_with(v); }));
    EXPECT_EQ(fits("ew", values, tag), any([&](const auto& v) { return tag.ends_with(v); }));
    EXPECT_EQ(fits("c", values, tag), any([&](const auto& v) { return tag.find(v) != tag.npos; }));
  }
}

TEST(Rules, DurationsAreThoseOfGo) {
  EXPECT_EQ(parse_go_duration("0"), microseconds(0));
  EXPECT_EQ(parse_go_duration("720h"), hours(720));
  EXPECT_EQ(parse_go_duration("1h30m5s"), microseconds(5'405'000'000));
  EXPECT_EQ(parse_go_duration("1.5h"), microseconds(5'400'000'000));
  EXPECT_EQ(parse_go_duration(".5s"), microseconds(500'000));
  EXPECT_EQ(parse_go_duration("1.s"), microseconds(1'000'000));
  EXPECT_EQ(parse_go_duration("3ms2us1µs1μs999ns"), microseconds(3'004));
  EXPECT_EQ(parse_go_duration("2562047h47m"), hours(2'562'047) + std::chrono::minutes(47));
  for (const char* wrong :
       {"", "h", "1", "1d", "-1h", "+1h", "1h ", " 1h", ".h", "1..5h", "2562048h",
        "9999999999999999999h", "99999999999999999999ns", "1h99999999999999999h", "1H", "0x1h"}) {
    EXPECT_EQ(parse_go_duration(wrong), std::nullopt) << wrong;
  }
}

}  // namespace
}  // namespace holdfast::pruning
