#include "cli_parts.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>

namespace holdfast {

namespace {

// Every setting is a flag: what CLI11 left over is "--name value" or "--name=value".
config::Pairs flags_of(const std::vector<std::string>& rest,
                       std::vector<config::Problem>& problems) {
  config::Pairs flags;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    std::string name = rest[i];
    if (!name.starts_with("--")) {
      problems.push_back({name, "is not understood; see holdfast serve --help"});
      continue;
    }
    name = name.substr(2);
    std::optional<std::string> value;
    if (const std::size_t equals = name.find('='); equals != std::string::npos) {
      value = name.substr(equals + 1);
      name.resize(equals);
    } else if (i + 1 < rest.size()) {
      value = rest[++i];
    }
    std::ranges::replace(name, '-', '_');
    if (!value) {
      problems.push_back({"--" + name, "needs a value"});
      continue;
    }
    flags.emplace_back(name, *value);
  }
  return flags;
}

}  // namespace

int failed(std::string_view message) {
  fmt::print(stderr, "holdfast: {}\n", message);
  return kFailed;
}

Configured configure(const std::string& file, const std::vector<std::string>& rest) {
  Configured made;
  config::Sources sources;
  sources.environment = config::environment();
  if (!file.empty()) sources.file = file;
  if (const char* variable = std::getenv(std::string(config::kConfigVariable).c_str());
      file.empty() && variable != nullptr && *variable != '\0') {
    sources.file = variable;
  }
  sources.flags = flags_of(rest, made.problems);
  made.values = config::gather(sources, made.problems);
  made.options = make_options(made.values, made.problems);
  return made;
}

int report(const std::vector<config::Problem>& problems) {
  fmt::print(stderr, "holdfast: the configuration has {} problem{}:\n", problems.size(),
             problems.size() == 1 ? "" : "s");
  for (const config::Problem& problem : problems)
    fmt::print(stderr, "  {}\n", config::text(problem));
  return kFailed;
}

void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}  ", row[i], widths[i]);
    line.resize(line.find_last_not_of(' ') + 1);
    fmt::print("{}\n", line);
  }
}

void FolderFlags::add_to(CLI::App& verb) {
  verb.add_option("--data-dir,--data_dir", data_dir_, "The server's data folder");
  verb.add_option("--config", config_, "TOML file with settings");
  verb.allow_extras();
}

Configured FolderFlags::configured(const CLI::App& verb) const {
  std::vector<std::string> flags = verb.remaining();
  if (!data_dir_.empty()) flags.insert(flags.end(), {"--data_dir", data_dir_});
  return configure(config_, flags);
}

}  // namespace holdfast
