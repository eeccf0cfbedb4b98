#include "config/sources.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>
#include <unistd.h>

// Errors as values, not exceptions, and the library's code in this one file.
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

namespace holdfast::config {
namespace {

constexpr std::size_t kLargestFileBytes = 1024UZ * 1024;

std::size_t index_of(const Setting& setting) {
  return static_cast<std::size_t>(&setting - settings().data());
}

std::vector<std::string> names() {
  std::vector<std::string> result;
  for (const Setting& setting : settings()) result.emplace_back(setting.name);
  return result;
}

void take(const Setting& setting, const RawValue& raw, std::string where, Values& values,
          std::vector<Problem>& problems) {
  auto value = parse(setting, raw);
  if (!value) {
    problems.push_back(
        {std::move(where), std::string(setting.name) + " " + value.error().message + "."});
    return;
  }
  values.set(setting, *std::move(value), std::move(where));
}

std::string position(std::string_view file, const toml::source_region& source) {
  return std::string(file) + ":" + std::to_string(source.begin.line) + ":" +
         std::to_string(source.begin.column);
}

// What the node holds as one of our raw types; nothing for the others (floats, dates, mixed lists).
std::optional<RawValue> raw_value(const toml::node& node) {
  if (const auto* text = node.as_string()) return RawValue{text->get()};
  if (const auto* flag = node.as_boolean()) return RawValue{flag->get()};
  if (const auto* integer = node.as_integer()) return RawValue{integer->get()};
  const auto* array = node.as_array();
  if (array == nullptr) return std::nullopt;
  std::vector<std::string> items;
  for (const toml::node& item : *array) {
    const auto* text = item.as_string();
    if (text == nullptr) return std::nullopt;
    items.push_back(text->get());
  }
  return RawValue{std::move(items)};
}

class TomlReader {
 public:
  TomlReader(std::string_view file, Values& values, std::vector<Problem>& problems)
      : file_(file), values_(values), problems_(problems), known_(names()) {}

  void read_table(const toml::table& table, const std::string& prefix) {
    for (const auto& [key, node] : table) {
      const std::string name = prefix + std::string(key.str());
      const std::string where = position(file_, key.source());
      if (const Setting* setting = find(name)) {
        read_setting(*setting, node, where);
      } else if (is_section(name)) {
        if (const auto* section = node.as_table()) {
          read_table(*section, name + ".");
        } else {
          problems_.push_back(
              {where, "\"" + name + "\" is a section; write [" + name + "] above its settings."});
        }
      } else {
        read_unknown(name, node, where);
      }
    }
  }

 private:
  void read_setting(const Setting& setting, const toml::node& node, const std::string& where) {
    if (const auto raw = raw_value(node)) {
      take(setting, *raw, where, values_, problems_);
      return;
    }
    problems_.push_back({where, std::string(setting.name) + " must be a " +
                                    std::string(name(setting.type)) + "; write " +
                                    std::string(setting.name) + " = " +
                                    to_toml(setting, Values().of(setting.name).value) + "."});
  }

  // A whole unknown section is one problem for each of its keys, so that each gets its suggestion.
  void read_unknown(const std::string& name, const toml::node& node, const std::string& where) {
    const auto* section = node.as_table();
    const bool deep = std::ranges::count(name, '.') > 2;
    if (section != nullptr && !section->empty() && !deep) {
      for (const auto& [key, child] : *section) {
        read_unknown(name + "." + std::string(key.str()), child, position(file_, key.source()));
      }
      return;
    }
    std::string message = "unknown setting \"" + name + "\"";
    if (const auto guess = nearest(name, known_)) message += "; did you mean \"" + *guess + "\"";
    problems_.push_back(
        {where, message + (message.ends_with("\"") && message.contains(';') ? "?" : ".")});
  }

  bool is_section(const std::string& name) const {
    return std::ranges::any_of(known_, [&](const std::string& known) {
      return known.size() > name.size() && known.starts_with(name) && known[name.size()] == '.';
    });
  }

  std::string_view file_;
  Values& values_;
  std::vector<Problem>& problems_;
  std::vector<std::string> known_;
};

void read_file(const std::string& path, Values& values, std::vector<Problem>& problems) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    problems.push_back({path, "cannot be read: " + std::generic_category().message(errno) + "."});
    return;
  }
  std::string content(kLargestFileBytes + 1, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (file.bad()) {
    problems.push_back({path, "cannot be read; is it a folder?"});
    return;
  }
  content.resize(static_cast<std::size_t>(file.gcount()));
  if (content.size() > kLargestFileBytes) {
    problems.push_back({path, "is longer than 1 MiB; is it a configuration file?"});
    return;
  }
  read_toml(content, path, values, problems);
}

// Kubernetes gives every pod such variables when a service is called "holdfast".
bool is_kubernetes_link(std::string_view variable) {
  return variable.starts_with("HOLDFAST_SERVICE_") || variable == "HOLDFAST_PORT" ||
         variable.starts_with("HOLDFAST_PORT_");
}

void read_environment(const Pairs& environment, Values& values, std::vector<Problem>& problems) {
  std::vector<std::string> known;
  for (const Setting& setting : settings()) known.push_back(variable(setting));
  for (const auto& [key, value] : environment) {
    if (!key.starts_with("HOLDFAST_") || is_kubernetes_link(key)) continue;
    if (key == kConfigVariable || key == kAdminPasswordVariable) continue;
    const auto found = std::ranges::find(known, key);
    if (found != known.end()) {
      const auto index = static_cast<std::size_t>(found - known.begin());
      take(settings()[index], RawValue{value}, key, values, problems);
      continue;
    }
    std::string message = "unknown variable";
    if (const auto guess = nearest(key, known)) message += "; did you mean " + *guess + "?";
    problems.push_back({key, message});
  }
}

}  // namespace

std::string text(const Problem& problem) {
  return problem.where.empty() ? problem.message : problem.where + ": " + problem.message;
}

Values::Values() {
  for (const Setting& setting : settings()) {
    auto value = parse(setting, RawValue{std::string(setting.default_text)});
    values_.push_back({std::move(value).value(), "default"});
  }
}

const Resolved& Values::of(std::string_view name) const {
  const Setting* setting = find(name);
  if (setting == nullptr) throw std::logic_error("no setting " + std::string(name));
  return values_[index_of(*setting)];
}

void Values::set(const Setting& setting, Value value, std::string source) {
  values_[index_of(setting)] = {std::move(value), std::move(source)};
}

void read_toml(std::string_view toml, std::string_view file, Values& values,
               std::vector<Problem>& problems) {
  const auto parsed = toml::parse(toml, file);
  if (!parsed) {
    problems.push_back({position(file, parsed.error().source()),
                        "is not TOML: " + std::string(parsed.error().description()) + "."});
    return;
  }
  TomlReader(file, values, problems).read_table(parsed.table(), "");
}

Values gather(const Sources& sources, std::vector<Problem>& problems) {
  Values values;
  if (sources.file) read_file(*sources.file, values, problems);
  read_environment(sources.environment, values, problems);
  for (const auto& [name, value] : sources.flags) {
    const Setting* setting = find(name);
    if (setting == nullptr) throw std::logic_error("no setting " + name);
    take(*setting, RawValue{value}, "--" + name, values, problems);
  }
  return values;
}

Pairs environment() {
  Pairs result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (!text.starts_with("HOLDFAST_") || equals == std::string_view::npos) continue;
    result.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return result;
}

}  // namespace holdfast::config
