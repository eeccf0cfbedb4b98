// `holdfast support dump`.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <memory>

#include "cli_parts.hpp"
#include "config/settings.hpp"
#include "control.hpp"
#include "data_folder.hpp"
#include "metadata.hpp"

namespace holdfast {

namespace json = boost::json;

namespace {

json::object configuration(const config::Values& values) {
  json::object all;
  for (const config::Setting& setting : config::settings()) {
    const config::Resolved& resolved = values.of(setting.name);
    all[setting.name] =
        json::object{{"value", without_password(config::to_toml(setting, resolved.value))},
                     {"source", resolved.source}};
  }
  return all;
}

json::object disk(const std::string& folder) {
  std::error_code problem;
  const auto space = std::filesystem::space(folder, problem);
  if (problem) return {{"problem", problem.message()}};
  return {{"bytes", space.capacity}, {"free_bytes", space.available}};
}

class SupportVerbs {
 public:
  explicit SupportVerbs(CLI::App& root) {
    CLI::App* support = root.add_subcommand("support", "What somebody who helps needs to know");
    support->require_subcommand(1);
    dump_ = support->add_subcommand(
        "dump", "Describe the server as JSON, without a secret or a name of anybody");
    dump_->add_option("file", file_, "Where it goes; standard output when it is left out");
    dump_->footer(
        "Version, machine, configuration, settings, how many rows there are of what, jobs that\n"
        "fail, collections, backups; of the running server when there is one. Passwords, tokens,\n"
        "keys, names of accounts and repositories are not in it. Read it before you send it.");
    folder_.add_to(*dump_);
  }

  std::optional<int> run() {
    if (!dump_->parsed()) return std::nullopt;
    const Configured configured = folder_.configured(*dump_);
    if (!configured.problems.empty()) return report(configured.problems);
    const Result<void> outcome = dump(configured);
    return outcome ? kDone : failed(outcome.error().message);
  }

 private:
  Result<void> dump(const Configured& configured) {
    HF_TRY(json::value facts,
           control::run(configured.options, json::object{{"verb", "support.facts"}}));
    json::object& all = facts.as_object();
    all["configuration"] = configuration(configured.values);
    all["disk"] = disk(configured.options.data_dir);
    const std::string text = json::serialize(all) + "\n";
    if (!file_.empty()) {
      HF_CHECK(write_atomically(file_, text, 0600));
      fmt::print("Written to {}.\n", file_);
      return {};
    }
    fmt::print("{}", text);
    return {};
  }

  FolderFlags folder_;
  std::string file_;
  CLI::App* dump_ = nullptr;
};

}  // namespace

Verbs support_verbs(CLI::App& root) {
  const auto verbs = std::make_shared<SupportVerbs>(root);
  return [verbs] { return verbs->run(); };
}

}  // namespace holdfast
