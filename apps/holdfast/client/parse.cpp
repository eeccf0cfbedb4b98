#include "client/parse.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <charconv>
#include <fmt/format.h>
#include <numeric>
#include <optional>

#include "codec/json.hpp"

namespace holdfast::client {

namespace json = boost::json;

namespace {

Error usage(std::string message) { return fail(ErrorCode::invalid, kUsage, std::move(message)); }

std::string did_you_mean(std::string_view typed, const std::vector<std::string>& known) {
  const std::string near = nearest(typed, known);
  return near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near);
}

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row.back();
}

Result<const Command*> command_of(const std::vector<std::string>& words, std::size_t& used) {
  const std::string& noun = words.front();
  used = 1;
  if (const Command* alone = find_command(noun, "")) return alone;
  std::vector<std::string> verbs;
  std::string list;
  for (const Command& command : commands()) {
    if (command.noun != noun) continue;
    verbs.emplace_back(command.verb);
    list += fmt::format("{}{}", list.empty() ? "" : ", ", command.verb);
  }
  if (words.size() < 2 || words[1].starts_with('-')) {
    return usage(fmt::format("\"holdfast {}\" needs one of: {}", noun, list));
  }
  used = 2;
  if (const Command* found = find_command(noun, words[1])) return found;
  return usage(fmt::format("\"holdfast {}\" has no \"{}\"{} It has: {}", noun, words[1],
                           nearest(words[1], verbs).empty() ? "." : did_you_mean(words[1], verbs),
                           list));
}

Result<void> take_flag(Invocation& made, std::string word, const std::vector<std::string>& words,
                       std::size_t& at) {
  if (word == "-q") word = "--quiet";
  if (word == "-u") word = "--user";
  if (word == "-h") word = "--help";
  std::string name = word.substr(std::min<std::size_t>(2, word.size()));
  std::optional<std::string> value;
  if (const auto equals = name.find('='); equals != std::string::npos) {
    value = name.substr(equals + 1);
    name.resize(equals);
  }
  const std::vector<Flag> known = flags_of(*made.command);
  const auto flag = std::ranges::find_if(
      known, [&](const Flag& one) { return word.starts_with("--") && one.name == name; });
  if (flag == known.end()) {
    std::vector<std::string> names;
    names.reserve(known.size());
    for (const Flag& one : known) names.push_back(fmt::format("--{}", one.name));
    return usage(fmt::format("there is no flag \"{}\" here{}", word, did_you_mean(word, names)));
  }
  if (flag->value.empty()) {
    if (value) return usage(fmt::format("--{} takes no value", name));
    value = "true";
  } else if (!value) {
    if (at + 1 >= words.size()) return usage(fmt::format("--{} needs {}", name, flag->value));
    value = words[++at];
  }
  made.flags.emplace_back(*flag, *value);
  return {};
}

Result<void> split_repository(Invocation& made, std::string_view text, std::string_view form) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == text.size()) {
    return usage(fmt::format("\"{}\" must be {}", text, form));
  }
  made.values["namespace"] = text.substr(0, slash);
  made.values["repo"] = text.substr(slash + 1);
  return {};
}

// What an argument's name says about its form.
Result<void> take_argument(Invocation& made, std::string_view form, const std::string& text) {
  if (text.empty()) return usage(fmt::format("{} must not be empty", form));
  if (form.ends_with("[/REPO]")) {
    const bool whole = text.find('/') == std::string::npos;
    made.values["target"] = text;
    made.values["place"] =
        fmt::format("{}/{}", whole ? "repositoryNamespaces" : "repositories", text);
    return {};
  }
  if (form == "NAMESPACE/REPO") return split_repository(made, text, form);
  if (form == "NAMESPACE/REPO:TAG") {
    const auto mark = text.find('@') != std::string::npos ? text.find('@') : text.rfind(':');
    if (mark == std::string::npos || mark + 1 == text.size()) {
      return usage(fmt::format("\"{}\" must be {}", text, form));
    }
    made.values["tag"] = text.substr(mark + 1);
    return split_repository(made, std::string_view(text).substr(0, mark), form);
  }
  std::string name(form);
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  made.values[name] = text;
  return {};
}

Result<void> take_arguments(Invocation& made, const std::vector<std::string>& given) {
  const auto& forms = made.command->arguments;
  std::size_t at = 0;
  for (const std::string_view form : forms) {
    if (at >= given.size()) return usage(fmt::format("{} is missing", form));
    if (form.ends_with("...")) {
      made.rest.assign(given.begin() + static_cast<std::ptrdiff_t>(at), given.end());
      return {};
    }
    HF_CHECK(take_argument(made, form, given[at++]));
  }
  if (at == given.size()) return {};
  return usage(fmt::format("\"{}\" is one argument too many", given[at]));
}

Result<std::int64_t> number_of(const Flag& flag, std::string_view text) {
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem == std::errc() && end == text.data() + text.size()) return number;
  return usage(fmt::format("--{} must be a whole number, not \"{}\"", flag.name, text));
}

Result<std::string> expiry(const std::string& text, Timestamp now) {
  if (const auto when = parse_rfc3339(text)) return rfc3339(*when);
  std::int64_t count = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  constexpr std::int64_t kMost = 36'500;  // a hundred years of days
  if (problem == std::errc() && count > 0 && count <= kMost) {
    if (unit == "d") return rfc3339(now + std::chrono::days(count));
    if (unit == "h") return rfc3339(now + std::chrono::hours(count));
  }
  return usage(
      fmt::format("--expires must be such as 30d, 12h or 2027-01-01T00:00:00Z, not \"{}\"", text));
}

Result<json::object> scope(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon + 1 == text.size()) {
    return usage(fmt::format("--scope must be such as acme/app:pull,push, not \"{}\"", text));
  }
  json::array actions;
  std::size_t start = colon + 1;
  while (start <= text.size()) {
    const std::size_t comma = std::min(text.find(',', start), text.size());
    actions.emplace_back(text.substr(start, comma - start));
    start = comma + 1;
  }
  return json::object{{"repository", text.substr(0, colon)}, {"actions", std::move(actions)}};
}

Result<std::pair<std::string, std::string>> pair_of(const std::string& text) {
  const auto equals = text.find('=');
  if (equals != std::string::npos && equals > 0) {
    return std::pair(text.substr(0, equals), text.substr(equals + 1));
  }
  return usage(fmt::format("\"{}\" must be KEY=VALUE", text));
}

Result<void> add_flag(json::object& body, const Flag& flag, const std::string& text,
                      Timestamp now) {
  switch (flag.to) {
    case To::text:
      body[flag.field] = text;
      return {};
    case To::on:
      body[flag.field] = true;
      return {};
    case To::off:
      body[flag.field] = false;
      return {};
    case To::flag:
      if (text != "true" && text != "false") {
        return usage(fmt::format("--{} must be true or false", flag.name));
      }
      body[flag.field] = text == "true";
      return {};
    case To::number: {
      HF_TRY(body[flag.field], number_of(flag, text));
      return {};
    }
    case To::expires: {
      HF_TRY(body[flag.field], expiry(text, now));
      return {};
    }
    case To::scope: {
      HF_TRY(json::object entry, scope(text));
      if (!body.contains(flag.field)) body[flag.field] = json::array();
      body[flag.field].get_array().emplace_back(std::move(entry));
      return {};
    }
    case To::pairs: {
      HF_TRY(const auto pair, pair_of(text));
      if (!body.contains(flag.field)) body[flag.field] = json::object();
      body[flag.field].get_object()[pair.first] = pair.second;
      return {};
    }
    case To::query:
    case To::local:
      return {};
  }
  return {};
}

}  // namespace

std::string Invocation::flag(std::string_view name, std::string_view otherwise) const {
  std::string value(otherwise);
  for (const auto& [flag, text] : flags) {
    if (flag.name == name) value = text;
  }
  return value;
}

bool Invocation::has(std::string_view name) const {
  return std::ranges::any_of(flags, [&](const auto& one) { return one.first.name == name; });
}

std::string nearest(std::string_view typed, const std::vector<std::string>& known) {
  std::string best;
  std::size_t least = 3;  // one or two slips; more is another word
  for (const std::string& word : known) {
    const std::size_t far = distance(typed, word);
    if (far < least && far < word.size()) {
      least = far;
      best = word;
    }
  }
  return best;
}

Result<Invocation> parse(const std::vector<std::string>& words) {
  Invocation made;
  std::size_t at = 0;
  HF_TRY(made.command, command_of(words, at));
  std::vector<std::string> given;
  bool flags_end = false;
  for (; at < words.size(); ++at) {
    const std::string& word = words[at];
    if (!flags_end && word == "--") {
      flags_end = true;
    } else if (!flags_end && word.size() > 1 && word.starts_with('-')) {
      HF_CHECK(take_flag(made, word, words, at));
    } else {
      given.push_back(word);
    }
  }
  if (made.has("help")) return made;
  HF_CHECK(take_arguments(made, given));
  return made;
}

std::string percent_encoded(std::string_view text, bool slashes) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~' || c == ':' ||
                       (slashes && c == '/');
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string fill(std::string_view pattern, const Invocation& invocation, bool encode) {
  std::string out;
  while (!pattern.empty()) {
    const auto open = pattern.find('{');
    const auto close = pattern.find('}', std::min(open, pattern.size()));
    if (open == std::string_view::npos || close == std::string_view::npos) {
      return out.append(pattern);
    }
    out.append(pattern.substr(0, open));
    const auto found = invocation.values.find(pattern.substr(open + 1, close - open - 1));
    if (found != invocation.values.end()) {
      out += encode ? percent_encoded(found->second, found->first == "place") : found->second;
    }
    pattern.remove_prefix(close + 1);
  }
  return out;
}

std::string target_of(const Invocation& invocation) {
  std::string target = fill(invocation.command->path, invocation, true);
  for (const auto& [flag, text] : invocation.flags) {
    if (flag.to != To::query) continue;
    // What the table says itself gives way to what was asked for.
    const std::string own = fmt::format("{}=", flag.field);
    if (const auto found = target.find("?" + own); found != std::string::npos) target.resize(found);
    target += fmt::format("{}{}{}", target.find('?') == std::string::npos ? '?' : '&', own,
                          percent_encoded(text));
  }
  return target;
}

Result<json::object> body_of(const Invocation& invocation, Timestamp now) {
  json::object body;
  for (const Field& field : invocation.command->body) {
    if (field.value.starts_with('=')) {
      HF_TRY(body[field.name], codec::parse_json(field.value.substr(1)));
    } else {
      body[field.name] = fill(field.value, invocation, false);
    }
  }
  for (const auto& [flag, text] : invocation.flags) HF_CHECK(add_flag(body, flag, text, now));
  // A setting's type is the server's business: what reads as JSON is JSON, the rest is text.
  for (const std::string& one : invocation.rest) {
    HF_TRY(const auto pair, pair_of(one));
    const auto value = codec::parse_json(pair.second);
    body[pair.first] = value ? *value : json::value(pair.second);
  }
  return body;
}

}  // namespace holdfast::client
