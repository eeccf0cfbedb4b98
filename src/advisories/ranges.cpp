#include "advisories/ranges.hpp"

#include <algorithm>

namespace holdfast::advisories {

namespace {

// Neither stands in a version: parse_record() refuses it.
constexpr char kUnit = '\x1f';
constexpr char kGroup = '\x1e';

using versions::compare;
using versions::Scheme;

// "0" comes before everything, whatever the scheme says of it.
bool is_beginning(const Event& event) {
  return event.kind == Event::Kind::introduced && event.version == "0";
}

bool comes_before(Scheme scheme, const Event& a, const Event& b) {
  if (is_beginning(a) || is_beginning(b)) return is_beginning(a) && !is_beginning(b);
  return compare(scheme, a.version, b.version) < 0;
}

bool is_below_limit(Scheme scheme, const std::vector<Event>& events, std::string_view version) {
  bool has_limit = false;
  for (const Event& event : events) {
    if (event.kind != Event::Kind::limit) continue;
    has_limit = true;
    if (event.version == "*" || compare(scheme, version, event.version) < 0) return true;
  }
  return !has_limit;
}

// Events in the order of their versions; those of one version as they were written.
std::vector<const Event*> ordered(Scheme scheme, const std::vector<Event>& events) {
  std::vector<const Event*> order;
  order.reserve(events.size());
  for (const Event& event : events) order.push_back(&event);
  std::ranges::sort(order, [&](const Event* a, const Event* b) {
    if (comes_before(scheme, *a, *b)) return true;
    if (comes_before(scheme, *b, *a)) return false;
    return a < b;
  });
  return order;
}

Verdict judge_range(Scheme scheme, const std::vector<Event>& events, std::string_view version) {
  Verdict verdict;
  if (!is_below_limit(scheme, events, version)) return verdict;
  for (const Event* one : ordered(scheme, events)) {
    const Event& event = *one;
    const bool reaches = is_beginning(event) || compare(scheme, event.version, version) <= 0;
    switch (event.kind) {
      case Event::Kind::introduced:
        if (reaches) verdict.is_affected = true;
        break;
      case Event::Kind::fixed:
        if (reaches) {
          verdict.is_affected = false;
        } else if (verdict.is_affected && verdict.fixed_version.empty()) {
          verdict.fixed_version = event.version;
        }
        break;
      case Event::Kind::last_affected:
        if (compare(scheme, event.version, version) < 0) verdict.is_affected = false;
        break;
      case Event::Kind::limit:
        break;
    }
  }
  if (!verdict.is_affected) verdict.fixed_version.clear();
  return verdict;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parts;
}

}  // namespace

std::string pack(const Affected& affected) {
  std::string text;
  for (const auto& range : affected.ranges) {
    for (const Event& event : range) {
      text += static_cast<char>(event.kind);
      text += event.version;
      text += kUnit;
    }
    text += kGroup;
  }
  if (affected.versions.empty()) return text;
  text += '=';
  for (const std::string& version : affected.versions) {
    text += version;
    text += kUnit;
  }
  return text;
}

Affected unpack(std::string_view text) {
  Affected affected;
  for (const std::string_view group : split(text, kGroup)) {
    if (group.starts_with('=')) {
      for (const std::string_view version : split(group.substr(1), kUnit)) {
        affected.versions.emplace_back(version);
      }
      continue;
    }
    auto& range = affected.ranges.emplace_back();
    for (const std::string_view event : split(group, kUnit)) {
      if (event.empty()) continue;
      range.push_back({static_cast<Event::Kind>(event.front()), std::string(event.substr(1))});
    }
  }
  return affected;
}

Verdict judge(Scheme scheme, const Affected& affected, std::string_view version) {
  if (!versions::is_valid(scheme, version)) return {.is_affected = true};
  Verdict verdict;
  for (const auto& range : affected.ranges) {
    Verdict one = judge_range(scheme, range, version);
    if (!one.is_affected) continue;
    verdict.is_affected = true;
    if (!one.fixed_version.empty()) verdict.fixed_version = std::move(one.fixed_version);
  }
  if (verdict.is_affected) return verdict;
  verdict.is_affected = std::ranges::any_of(affected.versions, [&](const std::string& listed) {
    return listed == version || compare(scheme, listed, version) == 0;
  });
  return verdict;
}

}  // namespace holdfast::advisories
