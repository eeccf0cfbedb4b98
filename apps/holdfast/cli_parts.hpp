// What the files of the command line share.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/sources.hpp"
#include "options.hpp"

namespace holdfast {

inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
inline constexpr int kMisunderstood = 2;

// Prints "holdfast: <message>" and gives kFailed.
int failed(std::string_view message);

struct Configured {
  config::Values values;
  Options options;
  std::vector<config::Problem> problems;
};
// Defaults, the file (or HOLDFAST_CONFIG), variables, and flags: "--name value" or "--name=value".
Configured configure(const std::string& file, const std::vector<std::string>& flags);
// Prints the problems and gives kFailed.
int report(const std::vector<config::Problem>& problems);

// Columns that line up, two spaces between.
void print_table(const std::vector<std::vector<std::string>>& rows);

// Runs the verb that was given; nothing when it was none of these.
using Verbs = std::function<std::optional<int>()>;
// Adds `admin` with its verbs to the root. The root outlives what comes back.
Verbs admin_verbs(CLI::App& root);
// Adds `db`.
Verbs database_verbs(CLI::App& root);
// Adds `gc`.
Verbs gc_verbs(CLI::App& root);
// Adds `backup` and `restore`.
Verbs backup_verbs(CLI::App& root);
// Adds `support`.
Verbs support_verbs(CLI::App& root);
// Adds `verify`.
Verbs verify_verb(CLI::App& root);

// The flags of verbs that work on a data folder: --data-dir, --config, and settings as extras.
class FolderFlags {
 public:
  void add_to(CLI::App& verb);
  [[nodiscard]] Configured configured(const CLI::App& verb) const;

 private:
  std::string data_dir_;
  std::string config_;
};

}  // namespace holdfast
