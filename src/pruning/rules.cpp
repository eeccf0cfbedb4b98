#include "pruning/rules.hpp"

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <charconv>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <initializer_list>
#include <limits>

namespace holdfast::pruning {

namespace {

enum class Field : std::uint8_t {
  tag,
  license,
  component,
  vulnerability_all,
  vulnerability_critical,
  vulnerability_major,
  vulnerability_minor,
  updated_at,
  updated_at_duration,
};
enum class Operator : std::uint8_t { eq, neq, sw, ew, c, oo, noo, gte, gt, lte, lt, bf, af };

using Operators = std::initializer_list<Operator>;
constexpr Operators kOfTags = {Operator::eq, Operator::sw, Operator::ew,
                               Operator::c,  Operator::oo, Operator::noo};
constexpr Operators kOfNames = {Operator::oo, Operator::noo};
constexpr Operators kOfNumbers = {Operator::gte, Operator::gt,  Operator::eq,
                                  Operator::neq, Operator::lte, Operator::lt};
constexpr Operators kOfTimes = {Operator::bf, Operator::af};

struct FieldEntry {
  std::string_view name;
  Field field;
  const Operators& operators;
};
constexpr std::array<FieldEntry, 9> kFields = {{
    {"tag", Field::tag, kOfTags},
    {"license.name", Field::license, kOfNames},
    {"component.name", Field::component, kOfNames},
    {"vulnerability_all", Field::vulnerability_all, kOfNumbers},
    {"vulnerability_critical", Field::vulnerability_critical, kOfNumbers},
    {"vulnerability_major", Field::vulnerability_major, kOfNumbers},
    {"vulnerability_minor", Field::vulnerability_minor, kOfNumbers},
    {"updated_at", Field::updated_at, kOfTimes},
    {"updated_at_duration", Field::updated_at_duration, kOfTimes},
}};
// By their places in Operator.
constexpr std::array<std::string_view, 13> kOperators = {
    "eq", "neq", "sw", "ew", "c", "oo", "noo", "gte", "gt", "lte", "lt", "bf", "af"};

Error wrong(std::string message) {
  return fail(ErrorCode::invalid, kRuleInvalid, std::move(message));
}

std::string_view name_of(Operator op) { return kOperators[static_cast<std::size_t>(op)]; }

Result<std::size_t> field_named(std::string_view name) {
  for (std::size_t i = 0; i < kFields.size(); ++i) {
    if (kFields[i].name == name) return i;
  }
  std::vector<std::string_view> names;
  names.reserve(kFields.size());
  for (const FieldEntry& entry : kFields) names.push_back(entry.name);
  return wrong(fmt::format("\"field\" must be one of {}", fmt::join(names, ", ")));
}

Result<std::size_t> operator_named(const FieldEntry& field, std::string_view name) {
  std::vector<std::string_view> names;
  names.reserve(field.operators.size());
  for (const Operator op : field.operators) {
    if (name_of(op) == name) return static_cast<std::size_t>(op);
    names.push_back(name_of(op));
  }
  return wrong(
      fmt::format("\"operator\" of {} must be one of {}", field.name, fmt::join(names, ", ")));
}

bool is_about_names(Field field) {
  return field == Field::tag || field == Field::license || field == Field::component;
}

Result<void> check_values(const FieldEntry& field, const std::vector<std::string>& values) {
  if (values.empty()) return wrong("\"values\" must not be empty");
  if (values.size() > kValuesAtMost) {
    return wrong(fmt::format("\"values\" may hold {} values at most", kValuesAtMost));
  }
  if (!is_about_names(field.field) && values.size() != 1) {
    return wrong(fmt::format("\"values\" of {} must hold exactly one value", field.name));
  }
  for (const std::string& value : values) {
    if (value.empty()) return wrong("a value must not be empty: it would fit everything");
    if (value.size() > kValueBytes) {
      return wrong(fmt::format("a value may have {} bytes at most", kValueBytes));
    }
  }
  return {};
}

std::optional<std::int64_t> parse_count(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

// One of the places where `value` may stand in `text`.
bool fits(Operator op, std::string_view text, std::string_view value) {
  switch (op) {
    case Operator::sw:
      return text.starts_with(value);
    case Operator::ew:
      return text.ends_with(value);
    case Operator::c:
      return text.find(value) != std::string_view::npos;
    default:
      return text == value;
  }
}

bool fits_any(Operator op, std::string_view text, const std::vector<std::string>& values) {
  return std::ranges::any_of(values,
                             [&](const std::string& value) { return fits(op, text, value); });
}

bool compare(Operator op, std::int64_t found, std::int64_t wanted) {
  switch (op) {
    case Operator::gte:
      return found >= wanted;
    case Operator::gt:
      return found > wanted;
    case Operator::eq:
      return found == wanted;
    case Operator::neq:
      return found != wanted;
    case Operator::lte:
      return found <= wanted;
    default:
      return found < wanted;
  }
}

std::int64_t count_of(Field field, const ScanFacts& facts) {
  switch (field) {
    case Field::vulnerability_critical:
      return facts.critical;
    case Field::vulnerability_major:
      return facts.major;
    case Field::vulnerability_minor:
      return facts.minor;
    default:
      return facts.critical + facts.major + facts.minor;
  }
}

Result<Rule> parse_rule(const boost::json::value& value) {
  const boost::json::object* given = value.if_object();
  const auto text = [&](std::string_view name) -> const boost::json::string* {
    const boost::json::value* found = given == nullptr ? nullptr : given->if_contains(name);
    return found == nullptr ? nullptr : found->if_string();
  };
  const boost::json::string* field = text("field");
  const boost::json::string* op = text("operator");
  const boost::json::value* values = given == nullptr ? nullptr : given->if_contains("values");
  if (field == nullptr || op == nullptr || values == nullptr || !values->is_array()) {
    return wrong(R"(must be {"field": "…", "operator": "…", "values": ["…"]})");
  }
  std::vector<std::string> texts;
  for (const boost::json::value& one : values->get_array()) {
    if (!one.is_string()) return wrong("\"values\" must be strings");
    texts.emplace_back(one.get_string());
  }
  return Rule::make(*field, *op, std::move(texts));
}

}  // namespace

Result<Rule> Rule::make(std::string_view field, std::string_view op,
                        std::vector<std::string> values) {
  HF_TRY(const std::size_t field_place, field_named(field));
  const FieldEntry& entry = kFields[field_place];
  HF_TRY(const std::size_t op_place, operator_named(entry, op));
  HF_CHECK(check_values(entry, values));
  Operand operand;
  const std::string& first = values.front();
  if (entry.field == Field::updated_at) {
    const auto when = parse_rfc3339(first);
    if (!when) return wrong("the value of updated_at must be like \"2026-11-24T04:31:30Z\"");
    operand = *when;
  } else if (entry.field == Field::updated_at_duration) {
    const auto age = parse_go_duration(first);
    if (!age) return wrong("the value of updated_at_duration must be like \"720h\" or \"1h30m\"");
    operand = *age;
  } else if (!is_about_names(entry.field)) {
    const auto count = parse_count(first);
    if (!count) return wrong(fmt::format("the value of {} must be a whole number", entry.name));
    operand = *count;
  }
  return Rule(field_place, op_place, std::move(values), operand);
}

std::string_view Rule::field() const { return kFields[field_].name; }
std::string_view Rule::op() const { return kOperators[op_]; }

bool Rule::needs_scan() const {
  const Field field = kFields[field_].field;
  return field != Field::tag && field != Field::updated_at && field != Field::updated_at_duration;
}

bool Rule::holds(const Candidate& candidate, Timestamp now) const {
  const auto op = static_cast<Operator>(op_);
  if (kFields[field_].field == Field::tag) {
    return fits_any(op, candidate.tag, values_) != (op == Operator::noo);
  }
  const auto* age = std::get_if<std::chrono::microseconds>(&operand_);
  const Timestamp limit = age != nullptr ? now - *age : std::get<Timestamp>(operand_);
  return op == Operator::bf ? candidate.updated_at < limit : candidate.updated_at > limit;
}

bool Rule::holds(const ScanFacts& facts) const {
  const auto op = static_cast<Operator>(op_);
  const Field field = kFields[field_].field;
  if (const auto* wanted = std::get_if<std::int64_t>(&operand_)) {
    return compare(op, count_of(field, facts), *wanted);
  }
  const auto& names = field == Field::license ? facts.licenses : facts.components;
  const bool has_one = std::ranges::any_of(
      names, [&](const std::string& name) { return fits_any(Operator::eq, name, values_); });
  return has_one != (op == Operator::noo);
}

Result<std::vector<Rule>> parse_rules(const boost::json::value& value) {
  if (!value.is_array()) return wrong("\"rules\" must be a list");
  const boost::json::array& given = value.get_array();
  if (given.empty()) {
    return wrong("\"rules\" must not be empty: without a rule every tag would fit");
  }
  if (given.size() > kRulesAtMost) {
    return wrong(fmt::format("\"rules\" may hold {} rules at most", kRulesAtMost));
  }
  std::vector<Rule> rules;
  std::size_t bytes = 0;
  for (const boost::json::value& one : given) {
    auto rule = parse_rule(one);
    if (!rule) return wrong(fmt::format("rule {}: {}", rules.size() + 1, rule.error().message));
    for (const std::string& text : rule->values()) bytes += text.size();
    rules.push_back(*std::move(rule));
  }
  if (bytes <= kRulesBytes) return rules;
  return wrong(fmt::format("the values of \"rules\" may have {} bytes at most", kRulesBytes));
}

boost::json::array shown(std::span<const Rule> rules) {
  boost::json::array all;
  for (const Rule& rule : rules) {
    all.emplace_back(boost::json::object{
        {"field", rule.field()},
        {"operator", rule.op()},
        {"values", boost::json::array(rule.values().begin(), rule.values().end())}});
  }
  return all;
}

std::string described(std::span<const Rule> rules) {
  constexpr std::size_t kEnough = 700;
  std::string text;
  for (const Rule& rule : rules) {
    if (!text.empty()) text += "; ";
    if (text.size() > kEnough) return text + "…";
    text += fmt::format("{} {} {}", rule.field(), rule.op(), rule.values().front());
    if (rule.values().size() > 1) text += fmt::format(" and {} more", rule.values().size() - 1);
  }
  return text;
}

Result<Verdict> judge(std::span<const Rule> rules, const Candidate& candidate, Timestamp now,
                      const AskFacts& ask) {
  bool needs_scan = false;
  for (const Rule& rule : rules) {
    needs_scan = needs_scan || rule.needs_scan();
    if (!rule.needs_scan() && !rule.holds(candidate, now)) return Verdict::no;
  }
  if (!needs_scan) return rules.empty() ? Verdict::no : Verdict::yes;
  HF_TRY(const auto facts, ask());
  if (!facts) return Verdict::unknown;
  for (const Rule& rule : rules) {
    if (rule.needs_scan() && !rule.holds(*facts)) return Verdict::no;
  }
  return Verdict::yes;
}

namespace {

struct Unit {
  std::string_view name;
  std::int64_t nanoseconds;
};
// Longer names before those that they begin with.
constexpr std::array<Unit, 8> kUnits = {{{"ns", 1},
                                         {"us", 1'000},
                                         {"µs", 1'000},  // the micro sign
                                         {"μs", 1'000},  // the Greek letter
                                         {"ms", 1'000'000},
                                         {"s", 1'000'000'000},
                                         {"m", 60'000'000'000},
                                         {"h", 3'600'000'000'000}}};

// The digits at the beginning of `text`, which are taken off it.
std::string_view take_digits(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && text[length] >= '0' && text[length] <= '9') ++length;
  const std::string_view digits = text.substr(0, length);
  text.remove_prefix(length);
  return digits;
}

std::int64_t take_unit(std::string_view& text) {
  for (const Unit& unit : kUnits) {
    if (!text.starts_with(unit.name)) continue;
    text.remove_prefix(unit.name.size());
    return unit.nanoseconds;
  }
  return 0;
}

}  // namespace

std::optional<std::chrono::microseconds> parse_go_duration(std::string_view text) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  if (text == "0") return std::chrono::microseconds(0);
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;  // nanoseconds
  while (!text.empty()) {
    const std::string_view whole = take_digits(text);
    std::string_view fraction;
    if (text.starts_with('.')) {
      text.remove_prefix(1);
      fraction = take_digits(text);
    }
    const std::int64_t unit = take_unit(text);
    if (unit == 0 || (whole.empty() && fraction.empty())) return std::nullopt;
    std::int64_t number = 0;
    for (const char digit : whole) {
      if (number > kMost / 10 - 1) return std::nullopt;
      number = number * 10 + (digit - '0');
    }
    std::int64_t rest = 0;
    std::int64_t place = unit;
    for (const char digit : fraction) rest += (place /= 10) * (digit - '0');
    if (number > kMost / unit || rest > kMost - total) return std::nullopt;
    total += rest;
    if (number * unit > kMost - total) return std::nullopt;
    total += number * unit;
  }
  return std::chrono::microseconds(total / 1'000);
}

}  // namespace holdfast::pruning
