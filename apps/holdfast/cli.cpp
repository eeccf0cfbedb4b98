#include "cli.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <iostream>
#include <optional>
#include <string>
#include <termios.h>
#include <unistd.h>
#include <vector>

#include "base/random.hpp"
#include "cli_parts.hpp"
#include "client/client.hpp"
#include "client/help.hpp"
#include "codec/json.hpp"
#include "config/settings.hpp"
#include "config/sources.hpp"
#include "control.hpp"
#include "metadata.hpp"
#include "options.hpp"
#include "server.hpp"

namespace holdfast {

namespace json = boost::json;

namespace {

int run_serve(const std::string& file, const std::vector<std::string>& rest) {
  const Configured configured = configure(file, rest);
  if (!configured.problems.empty()) return report(configured.problems);
  const Result<void> served = serve(configured.options);
  return served ? kDone : failed(served.error().message);
}

int show_config(const Configured& configured, bool as_json) {
  json::object object;
  std::size_t name_width = 0;
  std::size_t value_width = 0;
  for (const config::Setting& setting : config::settings()) {
    name_width = std::max(name_width, setting.name.size());
    value_width = std::max(
        value_width, config::to_toml(setting, configured.values.of(setting.name).value).size());
  }
  value_width = std::min<std::size_t>(value_width, 40);
  for (const config::Setting& setting : config::settings()) {
    const config::Resolved& resolved = configured.values.of(setting.name);
    const std::string value = without_password(config::to_toml(setting, resolved.value));
    if (as_json) {
      object[setting.name] = json::object{{"value", value}, {"source", resolved.source}};
    } else {
      fmt::print("{:<{}}  {:<{}}  {}\n", setting.name, name_width, value, value_width,
                 resolved.source);
    }
  }
  if (as_json) fmt::print("{}\n", json::serialize(object));
  return configured.problems.empty() ? kDone : report(configured.problems);
}

std::vector<std::string> verbs_of(const CLI::App& root) {
  std::vector<std::string> names;
  for (const CLI::App* verb : root.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(verb->get_name());
  }
  return names;
}

int no_verb(std::string_view word, const std::vector<std::string>& known) {
  const std::string near = client::suggestion(word, known);
  failed(fmt::format("there is no verb \"{}\"{}; see holdfast --help", word,
                     near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near)));
  return kMisunderstood;
}

}  // namespace

int run_cli(int argc, char** argv) {
  CLI::App root("Holdfast: a trusted registry for container images.", "holdfast");
  root.footer(client::help_of_nouns() +
              "\nExamples:\n"
              "  holdfast serve --data-dir /var/lib/holdfast\n"
              "  holdfast config show --config holdfast.toml\n"
              "  holdfast admin user add alice\n"
              "  holdfast admin repo create alice/app --public\n"
              "  holdfast db copy --to postgresql://holdfast@db.mydns.com/holdfast\n"
              "  holdfast gc run\n"
              "  holdfast backup /backup/holdfast-monday.db\n"
              "  holdfast support dump support.json\n"
              "  holdfast verify --data-dir /var/lib/holdfast");
  root.require_subcommand(1);
  root.set_version_flag("--version", std::string("holdfast ") + std::string(version()));
  std::string file;
  std::string format = "text";
  const std::string flags_help =
      "Every setting that `holdfast config show` lists is a flag too: --https.listen :443";
  CLI::App* serve_verb = root.add_subcommand("serve", "Start the server")->footer(flags_help);
  serve_verb->add_option("--config", file, "TOML file with settings");
  serve_verb->allow_extras();
  CLI::App* config_verb =
      root.add_subcommand("config", "Look at the configuration")->footer(flags_help);
  config_verb->require_subcommand(1);
  CLI::App* check = config_verb->add_subcommand("check", "Check it and name every problem");
  CLI::App* show = config_verb->add_subcommand("show", "Show each value and where it comes from");
  for (CLI::App* one : {check, show}) {
    one->add_option("--config", file, "TOML file with settings");
    one->allow_extras();
  }
  show->add_option("--format", format, "text or json")->check(CLI::IsMember({"text", "json"}));
  CLI::App* version_verb = root.add_subcommand("version", "Print the version");
  const Verbs verbs[] = {admin_verbs(root),  database_verbs(root), gc_verbs(root),
                         backup_verbs(root), support_verbs(root),  verify_verb(root)};
  const std::vector<std::string> known = verbs_of(root);
  if (argc > 1 && client::is_ours(argv[1])) return client::run({argv + 1, argv + argc}, known);
  if (argc > 1 && argv[1][0] != '-' && std::ranges::find(known, argv[1]) == known.end()) {
    return no_verb(argv[1], known);
  }
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return root.exit(error) == 0 ? kDone : kMisunderstood;
  }
  if (version_verb->parsed()) {
    fmt::print("holdfast {}\n", version());
    return kDone;
  }
  if (serve_verb->parsed()) return run_serve(file, serve_verb->remaining());
  if (check->parsed()) {
    const Configured configured = configure(file, check->remaining());
    if (!configured.problems.empty()) return report(configured.problems);
    fmt::print("The configuration is good.\n");
    return kDone;
  }
  if (show->parsed()) return show_config(configure(file, show->remaining()), format == "json");
  for (const Verbs& run : verbs) {
    if (const auto outcome = run()) return *outcome;
  }
  return kMisunderstood;
}

}  // namespace holdfast
