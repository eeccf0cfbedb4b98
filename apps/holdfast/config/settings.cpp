#include "config/settings.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace holdfast::config {
namespace {

constexpr std::int64_t kMiB = 1024LL * 1024;
constexpr std::int64_t kDay = 24LL * 60 * 60;

constexpr std::array kSettings{
    Setting{"data_dir", Type::string, "/var/lib/holdfast",
            "Folder that holds everything the server keeps: database, blobs, keys."},
    Setting{
        "external_url", Type::string, "",
        "URL under which clients reach the registry, without a path; empty: the name each client "
        "used. Set it when a proxy is in front."},
    Setting{"trusted_proxies", Type::list, "",
            "Addresses or networks of proxies whose X-Forwarded-* fields and PROXY headers are "
            "believed."},
    Setting{
        "create_repository_on_push", Type::boolean, "false",
        "Whether a push makes a missing repository (private) in a namespace that the user owns, "
        "until an administrator sets createRepositoryOnPush."},
    Setting{"allow_sparse_indexes", Type::boolean, "false",
            "Whether an index may name manifests that are not in the repository."},

    Setting{"https.listen", Type::string, ":8443",
            "Address and port for HTTPS: \"host:port\", or \":port\" for every address."},
    Setting{
        "https.proxy_protocol", Type::boolean, "false",
        "Whether connections from trusted proxies to the HTTPS port begin with a PROXY header."},
    Setting{"http.listen", Type::string, ":8080", "Address and port for plain HTTP."},
    Setting{
        "http.mode", Type::choice, "redirect",
        "What plain HTTP does: redirect to HTTPS; serve, only for loopback or behind a TLS proxy, "
        "since passwords travel in clear; off.",
        "redirect|serve|off"},
    Setting{"http.proxy_protocol", Type::boolean, "false",
            "Whether connections from trusted proxies to the HTTP port begin with a PROXY header."},

    Setting{"tls.certificate", Type::string, "",
            "PEM file with the server's certificate and its intermediates; empty: the built-in "
            "authority issues one. Changes are taken up without a restart."},
    Setting{"tls.key", Type::string, "", "PEM file with the private key of tls.certificate."},
    Setting{
        "tls.names", Type::list, "",
        "Host names and addresses for the certificate of the built-in authority; empty: localhost, "
        "127.0.0.1, ::1, the machine's name and the host of external_url."},

    Setting{"limits.header",
            Type::bytes,
            "64KiB",
            "Longest head of a request, in bytes.",
            {},
            4096,
            kMiB},
    Setting{"limits.connections",
            Type::integer,
            "20000",
            "Connections open at once.",
            {},
            10,
            1'000'000},
    Setting{"limits.connections_per_address",
            Type::integer,
            "5000",
            "Connections open at once from one address, trusted proxies apart; 0: no limit.",
            {},
            0,
            1'000'000},
    Setting{"limits.header_timeout",
            Type::duration,
            "20s",
            "Time for the head of a request to arrive.",
            {},
            1,
            3600},
    Setting{"limits.idle_timeout",
            Type::duration,
            "75s",
            "Time that a connection may stay open between two requests.",
            {},
            1,
            3600},
    Setting{"limits.body_timeout",
            Type::duration,
            "60s",
            "Time without a single byte of a body arriving or leaving.",
            {},
            1,
            3600},
    Setting{"limits.body_rate",
            Type::bytes,
            "100",
            "Bytes a second that a body must move at least, on average over limits.body_timeout; "
            "0: any.",
            {},
            0,
            kMiB},
    Setting{"limits.drain",
            Type::duration,
            "30s",
            "Time that requests under way get to end when the server stops.",
            {},
            0,
            3600},
    Setting{"limits.manifest",
            Type::bytes,
            "8MiB",
            "Largest manifest, in bytes.",
            {},
            4 * kMiB,
            64 * kMiB},
    Setting{
        "limits.blob", Type::bytes, "0", "Largest blob, in bytes; 0: no limit.", {}, 0, INT64_MAX},
    Setting{
        "limits.page", Type::integer, "1000", "Most entries in one page of a list.", {}, 1, 10'000},
    Setting{"limits.tags",
            Type::integer,
            "0",
            "Tags in one repository; 0: no limit.",
            {},
            0,
            10'000'000},
    Setting{"limits.requests_per_address",
            Type::integer,
            "0",
            "Requests a second from one address, twice as many in a burst; 0: no limit.",
            {},
            0,
            1'000'000},
    Setting{"limits.requests_per_user",
            Type::integer,
            "0",
            "Requests a second by one user, twice as many in a burst; 0: no limit.",
            {},
            0,
            1'000'000},
    Setting{"limits.uploads_per_user",
            Type::integer,
            "200",
            "Uploads of one user that send their bytes at once; 0: no limit.",
            {},
            0,
            100'000},
    Setting{
        "limits.upload_bytes_per_user",
        Type::bytes,
        "0",
        "Bytes that the uploads of one user which are under way may hold together; 0: no limit.",
        {},
        0,
        INT64_MAX},

    Setting{"log.format", Type::choice, "text", "Log lines for people (text) or machines (json).",
            "text|json"},
    Setting{"log.level", Type::choice, "info", "Least important lines that are still logged.",
            "debug|info|warn|error"},
    Setting{"log.access", Type::boolean, "true", "Whether each request gets a line in the log."},

    Setting{"token.lifetime",
            Type::duration,
            "5m",
            "How long an access token is good for.",
            {},
            60,
            kDay},
    Setting{
        "token.refresh_tokens", Type::boolean, "false",
        "Whether clients that ask for a refresh token get one: docker then stores it instead of "
        "the password, but skopeo and podman cannot log in with the same file."},

    Setting{"database.url", Type::string, "",
            "URL of a PostgreSQL database "
            "(\"postgresql://user:password@host/name?sslmode=verify-full\"); "
            "empty: SQLite in the data folder."},
    Setting{"database.connections",
            Type::integer,
            "16",
            "Connections to PostgreSQL at most, beside one that listens.",
            {},
            2,
            1000},
    Setting{"database.deadline",
            Type::duration,
            "10s",
            "Time for one statement on PostgreSQL, and for a free connection.",
            {},
            1,
            600},

    Setting{"uploads.expire_after",
            Type::duration,
            "7d",
            "Age at which an untouched, unfinished upload is dropped.",
            {},
            60,
            365 * kDay},

    Setting{"threads.network",
            Type::integer,
            "0",
            "Threads for connections; 0: one per core.",
            {},
            0,
            256},
    Setting{"threads.blocking",
            Type::integer,
            "0",
            "Threads for disk, database and passwords; 0: eight per core, at least 16.",
            {},
            0,
            1024},

    Setting{"advisories.online", Type::boolean, "true",
            "Whether the server may fetch advisories from the feeds; false: never, whatever the "
            "settings say."},
    Setting{"advisories.ca", Type::string, "",
            "PEM file with authorities that are trusted for feeds and their proxy beside those of "
            "the system."},
    Setting{"advisories.download_limit",
            Type::bytes,
            "4GiB",
            "Largest file of a feed, as it is sent.",
            {},
            1,
            64LL * 1024 * kMiB},
    Setting{"advisories.stall_timeout",
            Type::duration,
            "60s",
            "Time without a single byte from a feed.",
            {},
            1,
            3600},
    Setting{"advisories.download_timeout",
            Type::duration,
            "1h",
            "Time for one file of a feed.",
            {},
            1,
            kDay},

    Setting{"metrics.enabled", Type::boolean, "true", "Whether /metrics answers to Prometheus."},
    Setting{
        "metrics.allow", Type::list, "127.0.0.0/8,::1",
        "Addresses or networks that may read /metrics, directly and not through an HTTP proxy."},
};

struct Unit {
  std::string_view suffix;
  std::int64_t factor;
};
// Largest first: to_toml prints in the largest unit that fits.
constexpr std::array kByteUnits{Unit{"TiB", kMiB* kMiB}, Unit{"GiB", kMiB * 1024},
                                Unit{"MiB", kMiB}, Unit{"KiB", 1024}, Unit{"B", 1}};
constexpr std::array kDurationUnits{Unit{"d", kDay}, Unit{"h", 3600}, Unit{"m", 60}, Unit{"s", 1}};

Error wrong(std::string message) {
  return fail(ErrorCode::invalid, "setting_invalid", std::move(message));
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      constexpr std::string_view kHex = "0123456789abcdef";
      const auto code = static_cast<unsigned char>(c);
      result += "\\u00";
      result += kHex[code >> 4U];
      result += kHex[code & 15U];
      continue;
    }
    result += c;
  }
  return result + '"';
}

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// A decimal number with nothing around it; nothing when it is none or does not fit.
std::optional<std::int64_t> number(std::string_view digits) {
  if (digits.empty() || digits.size() > 18) return std::nullopt;
  std::int64_t result = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    result = result * 10 + (c - '0');
  }
  return result;
}

// "64KiB" by its unit; a bare number only where `bare` says so.
std::optional<std::int64_t> quantity(std::string_view text, std::span<const Unit> units,
                                     bool bare) {
  const auto end = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto count = number(text.substr(0, end));
  if (!count) return std::nullopt;
  const auto suffix = trimmed(text.substr(end));
  if (suffix.empty()) return bare || *count == 0 ? count : std::nullopt;
  for (const Unit& unit : units) {
    if (unit.suffix != suffix) continue;
    if (*count > INT64_MAX / unit.factor) return std::nullopt;
    return *count * unit.factor;
  }
  return std::nullopt;
}

std::string in_units(std::int64_t value, std::span<const Unit> units) {
  if (value == 0) return "0";
  for (const Unit& unit : units) {
    if (value % unit.factor == 0)
      return std::to_string(value / unit.factor) + std::string(unit.suffix);
  }
  return std::to_string(value);
}

std::string bound_text(const Setting& setting, std::int64_t bound) {
  if (setting.type == Type::bytes) return in_units(bound, kByteUnits);
  if (setting.type == Type::duration) return bound == 0 ? "0s" : in_units(bound, kDurationUnits);
  return std::to_string(bound);
}

Result<Value> bounded(const Setting& setting, std::int64_t value) {
  if (value < setting.minimum || value > setting.maximum) {
    return wrong(
        "is out of bounds; write a value from " + bound_text(setting, setting.minimum) +
        (setting.maximum == INT64_MAX ? " up" : " to " + bound_text(setting, setting.maximum)));
  }
  return Value{value};
}

Result<Value> parse_list(const RawValue& raw) {
  if (const auto* items = std::get_if<std::vector<std::string>>(&raw)) return Value{*items};
  const auto* text = std::get_if<std::string>(&raw);
  if (text == nullptr) return wrong("is not a list; write [\"one\", \"two\"]");
  std::vector<std::string> items;
  std::string_view rest = *text;
  while (!trimmed(rest).empty()) {
    const auto comma = std::min(rest.find(','), rest.size());
    if (const auto item = trimmed(rest.substr(0, comma)); !item.empty()) items.emplace_back(item);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return Value{std::move(items)};
}

Result<Value> parse_boolean(const RawValue& raw) {
  if (const auto* flag = std::get_if<bool>(&raw)) return Value{*flag};
  if (const auto* text = std::get_if<std::string>(&raw)) {
    if (*text == "true" || *text == "on" || *text == "yes") return Value{true};
    if (*text == "false" || *text == "off" || *text == "no") return Value{false};
  }
  return wrong("is neither yes nor no; write true or false");
}

Result<Value> parse_choice(const Setting& setting, const RawValue& raw) {
  std::vector<std::string> choices;
  std::string listed;
  std::string_view rest = setting.choices;
  while (!rest.empty()) {
    const auto bar = std::min(rest.find('|'), rest.size());
    choices.emplace_back(rest.substr(0, bar));
    rest.remove_prefix(std::min(bar + 1, rest.size()));
    listed += (listed.empty() ? "" : rest.empty() ? " or " : ", ") + quoted(choices.back());
  }
  const auto* text = std::get_if<std::string>(&raw);
  if (text != nullptr && std::ranges::find(choices, *text) != choices.end()) return Value{*text};
  return wrong("is not one of the choices; write " + listed);
}

}  // namespace

std::string_view name(Type type) {
  switch (type) {
    case Type::string:
      return "string";
    case Type::list:
      return "list";
    case Type::boolean:
      return "boolean";
    case Type::integer:
      return "integer";
    case Type::bytes:
      return "bytes";
    case Type::duration:
      return "duration";
    case Type::choice:
      return "choice";
  }
  return "";
}

std::span<const Setting> settings() { return kSettings; }

const Setting* find(std::string_view name) {
  const auto* found = std::ranges::find(kSettings, name, &Setting::name);
  return found == kSettings.end() ? nullptr : &*found;
}

std::string variable(const Setting& setting) {
  std::string result = "HOLDFAST_";
  for (const char c : setting.name) {
    result += c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  return result;
}

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> known) {
  constexpr std::size_t kLongest = 64;  // a longer word is no slip of the finger
  if (word.size() > kLongest) return std::nullopt;
  const std::string* best = nullptr;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string& candidate : known) {
    // Levenshtein distance, one row at a time.
    std::vector<std::size_t> row(candidate.size() + 1);
    std::iota(row.begin(), row.end(), 0UZ);
    for (std::size_t i = 1; i <= word.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i;
      for (std::size_t j = 1; j <= candidate.size(); ++j) {
        const std::size_t replaced = diagonal + (word[i - 1] == candidate[j - 1] ? 0 : 1);
        diagonal = row[j];
        row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
      }
    }
    if (row.back() < best_distance) {
      best_distance = row.back();
      best = &candidate;
    }
  }
  // "listen" for "https.listen": the last part alone was written.
  if (best == nullptr) {
    for (const std::string& candidate : known) {
      if (word.size() > 2 && candidate.ends_with("." + std::string(word))) best = &candidate;
    }
  }
  return best == nullptr ? std::nullopt : std::optional(*best);
}

Result<Value> parse(const Setting& setting, const RawValue& raw) {
  const auto* text = std::get_if<std::string>(&raw);
  const auto* integer = std::get_if<std::int64_t>(&raw);
  switch (setting.type) {
    case Type::string:
      if (text == nullptr) return wrong("is not a string; write it in quotes");
      if (text->find_first_of(std::string_view("\0\n\r", 3)) != std::string::npos) {
        return wrong("holds a line break or a zero byte; write one line");
      }
      return Value{*text};
    case Type::list:
      return parse_list(raw);
    case Type::boolean:
      return parse_boolean(raw);
    case Type::choice:
      return parse_choice(setting, raw);
    case Type::integer: {
      const auto value = integer != nullptr ? std::optional(*integer)
                         : text != nullptr  ? number(*text)
                                            : std::nullopt;
      if (!value) return wrong("is not a number; write digits only");
      return bounded(setting, *value);
    }
    case Type::bytes: {
      const auto value = integer != nullptr ? std::optional(*integer)
                         : text != nullptr  ? quantity(*text, kByteUnits, true)
                                            : std::nullopt;
      if (!value) return wrong("is not a size; write one such as \"64KiB\" or \"4MiB\"");
      return bounded(setting, *value);
    }
    case Type::duration: {
      const auto value = text != nullptr ? quantity(*text, kDurationUnits, false) : std::nullopt;
      if (!value)
        return wrong("is not a duration; write one such as \"60s\", \"5m\", \"2h\" or \"7d\"");
      return bounded(setting, *value);
    }
  }
  return wrong("has an unknown type");
}

std::string to_toml(const Setting& setting, const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return quoted(*text);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* items = std::get_if<std::vector<std::string>>(&value)) {
    std::string result = "[";
    for (const std::string& item : *items) result += (result.size() > 1 ? ", " : "") + quoted(item);
    return result + "]";
  }
  const auto number = std::get<std::int64_t>(value);
  if (setting.type == Type::integer) return std::to_string(number);
  if (setting.type == Type::bytes) return number == 0 ? "0" : quoted(in_units(number, kByteUnits));
  return quoted(number == 0 ? "0s" : in_units(number, kDurationUnits));
}

}  // namespace holdfast::config
