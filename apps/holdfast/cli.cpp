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
#include "codec/json.hpp"
#include "config/settings.hpp"
#include "config/sources.hpp"
#include "control.hpp"
#include "options.hpp"
#include "server.hpp"

namespace holdfast {

namespace json = boost::json;

namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kMisunderstood = 2;

int failed(std::string_view message) {
  fmt::print(stderr, "holdfast: {}\n", message);
  return kFailed;
}

// --- configuration

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

struct Configured {
  config::Values values;
  Options options;
  std::vector<config::Problem> problems;
};

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
    const std::string value = config::to_toml(setting, resolved.value);
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

// --- admin

std::optional<std::string> prompt_password(const char* prompt) {
  termios before{};
  ::tcgetattr(STDIN_FILENO, &before);
  termios silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  ::tcsetattr(STDIN_FILENO, TCSANOW, &silent);
  fmt::print(stderr, "{}", prompt);
  std::string text;
  const bool read = static_cast<bool>(std::getline(std::cin, text));
  ::tcsetattr(STDIN_FILENO, TCSANOW, &before);
  fmt::print(stderr, "\n");
  return read ? std::optional(text) : std::nullopt;
}

enum class PasswordFrom { prompt, standard_input, generator };

// The new password, or nothing with a sentence on standard error.
std::optional<std::string> new_password(PasswordFrom from) {
  if (from == PasswordFrom::generator) {
    SystemRandom random;
    return password(random, 20);
  }
  std::string text;
  if (from == PasswordFrom::standard_input) {
    std::getline(std::cin, text);
    return text;
  }
  if (::isatty(STDIN_FILENO) == 0) {
    failed("no terminal to ask for the password: use --password-stdin or --generate");
    return std::nullopt;
  }
  auto first = prompt_password("New password: ");
  const auto second = prompt_password("Once more: ");
  if (first && second && *first == *second) return first;
  failed("the two passwords differ");
  return std::nullopt;
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

std::string text_of(const json::value& value, std::string_view name) {
  return std::string(codec::string_member(value, name).value_or(""));
}

bool flag_of(const json::value& value, std::string_view name) {
  const json::value* found = codec::member(value, name);
  return found != nullptr && found->is_bool() && found->get_bool();
}

void print_users(const json::value& users) {
  std::vector<std::vector<std::string>> rows = {{"NAME", "ROLE", "STATE", "CREATED"}};
  for (const json::value& user : users.as_array()) {
    rows.push_back({text_of(user, "name"),
                    flag_of(user, "administrator") ? "administrator" : "user",
                    flag_of(user, "active") ? "active" : "disabled",
                    text_of(user, "created_at").substr(0, 19)});
  }
  print_table(rows);
}

void print_repositories(const json::value& repositories) {
  std::vector<std::vector<std::string>> rows = {{"NAME", "VISIBILITY", "CREATED"}};
  for (const json::value& repository : repositories.as_array()) {
    rows.push_back({text_of(repository, "name"), text_of(repository, "visibility"),
                    text_of(repository, "created_at").substr(0, 19)});
  }
  print_table(rows);
}

// What `holdfast admin …` was given.
struct AdminArguments {
  std::string data_dir;
  std::string name;
  bool administrator = false;
  bool must_change = false;
  bool password_stdin = false;
  bool generate = false;
  bool is_public = false;
  bool is_private = false;
  bool yes = false;
  std::string format = "text";
};

class Admin {
 public:
  explicit Admin(CLI::App& root) {
    CLI::App* admin = root.add_subcommand(
        "admin", "Manage users and repositories, beside a running server or without one");
    admin->require_subcommand(1);
    CLI::App* user = admin->add_subcommand("user", "Users");
    user->require_subcommand(1);
    CLI::App* add = with_password(with_name(
        verb(*user, "add", "user.add", "Create a user with a namespace of the same name")));
    add->add_flag("--admin", arguments_.administrator, "Make the user an administrator");
    add->add_flag("--must-change", arguments_.must_change,
                  "The user must change the password at the first login");
    with_password(with_name(verb(*user, "passwd", "user.passwd", "Set a new password")));
    with_name(verb(*user, "disable", "user.disable",
                   "End every right of a user, from the next request on"));
    with_name(verb(*user, "enable", "user.enable", "Give a disabled user the rights back"));
    with_format(verb(*user, "list", "user.list", "List the users"));
    CLI::App* repo = admin->add_subcommand("repo", "Repositories");
    repo->require_subcommand(1);
    CLI::App* create =
        with_name(verb(*repo, "create", "repo.create", "Create a repository: namespace/name"));
    auto* is_public = create->add_flag("--public", arguments_.is_public, "Everybody may pull");
    create
        ->add_flag("--private", arguments_.is_private, "Only those with a right may pull (default)")
        ->excludes(is_public);
    with_name(
        verb(*repo, "delete", "repo.delete", "Delete a repository with its tags and manifests"))
        ->add_flag("--yes", arguments_.yes, "Do not ask");
    with_format(verb(*repo, "list", "repo.list", "List the repositories"));
    CLI::App* keys = admin->add_subcommand("keys", "Keys of the server");
    keys->require_subcommand(1);
    verb(*keys, "rotate", "keys.rotate",
         "Sign tokens with a new key; the one before goes on verifying");
  }

  // Nothing when no verb of admin was given.
  std::optional<int> run() {
    for (const auto& [app, name] : verbs_) {
      if (app->parsed()) return execute(name);
    }
    return std::nullopt;
  }

 private:
  CLI::App* verb(CLI::App& parent, const std::string& word, const std::string& name,
                 const std::string& help) {
    CLI::App* app = parent.add_subcommand(word, help);
    app->add_option("--data-dir,--data_dir", arguments_.data_dir, "The server's data folder")
        ->envname("HOLDFAST_DATA_DIR");
    verbs_.emplace_back(app, name);
    return app;
  }
  CLI::App* with_name(CLI::App* app) {
    app->add_option("name", arguments_.name, "Its name")->required();
    return app;
  }
  CLI::App* with_password(CLI::App* app) {
    app->add_flag("--password-stdin", arguments_.password_stdin,
                  "Read the password from standard input");
    app->add_flag("--generate", arguments_.generate, "Make a password up and print it");
    return app;
  }
  CLI::App* with_format(CLI::App* app) {
    app->add_option("--format", arguments_.format, "text or json")
        ->check(CLI::IsMember({"text", "json"}));
    return app;
  }

  int execute(const std::string& name) {
    json::object command{{"verb", name}, {"name", arguments_.name}};
    std::string password;
    if (name == "user.add" || name == "user.passwd") {
      PasswordFrom from = PasswordFrom::prompt;
      if (arguments_.password_stdin) from = PasswordFrom::standard_input;
      if (arguments_.generate) from = PasswordFrom::generator;
      auto chosen = new_password(from);
      if (!chosen) return kFailed;
      password = *std::move(chosen);
      command["password"] = password;
    }
    command["administrator"] = arguments_.administrator;
    command["must_change_password"] = arguments_.must_change;
    command["public"] = arguments_.is_public;
    if (name == "repo.delete" && !arguments_.yes && !confirmed()) return kFailed;
    const std::string data_dir =
        arguments_.data_dir.empty() ? "/var/lib/holdfast" : arguments_.data_dir;
    const auto result = control::run(data_dir, command);
    if (!result) return failed(result.error().message);
    show(name, *result);
    if (arguments_.generate) fmt::print("Password: {}\n", password);
    return kDone;
  }

  [[nodiscard]] bool confirmed() const {
    if (::isatty(STDIN_FILENO) == 0) return true;
    fmt::print(stderr, "Delete {} with all its tags? This cannot be undone. Type its name: ",
               arguments_.name);
    std::string text;
    std::getline(std::cin, text);
    if (text == arguments_.name) return true;
    failed("nothing was deleted");
    return false;
  }

  void show(const std::string& name, const json::value& result) const {
    if (result.is_array() && arguments_.format == "json") {
      fmt::print("{}\n", json::serialize(result));
    } else if (name == "user.list") {
      print_users(result);
    } else if (name == "repo.list") {
      print_repositories(result);
    } else if (name == "user.add") {
      fmt::print("User {} created.\n", text_of(result, "name"));
    } else if (name == "user.passwd") {
      fmt::print("The password of {} is changed; its tokens end.\n", text_of(result, "name"));
    } else if (name == "user.disable" || name == "user.enable") {
      fmt::print("User {} is {}.\n", text_of(result, "name"),
                 flag_of(result, "active") ? "active" : "disabled");
    } else if (name == "keys.rotate") {
      fmt::print("Tokens are signed with a new key from now on.\n");
    } else if (name == "repo.create") {
      fmt::print("Repository {} created ({}).\n", text_of(result, "name"),
                 text_of(result, "visibility"));
    } else {
      fmt::print("Repository {} deleted; its bytes are freed in the background.\n",
                 text_of(result, "name"));
    }
  }

  AdminArguments arguments_;
  std::vector<std::pair<CLI::App*, std::string>> verbs_;
};

bool has_verb(const CLI::App& root, std::string_view word) {
  return std::ranges::any_of(root.get_subcommands([](const CLI::App*) { return true; }),
                             [&](const CLI::App* verb) { return verb->get_name() == word; });
}

}  // namespace

int run_cli(int argc, char** argv) {
  CLI::App root("Holdfast: a trusted registry for container images.", "holdfast");
  root.footer(
      "Examples:\n"
      "  holdfast serve --data-dir /var/lib/holdfast\n"
      "  holdfast config show --config holdfast.toml\n"
      "  holdfast admin user add alice\n"
      "  holdfast admin repo create alice/app --public");
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
  Admin admin(root);
  if (argc > 1 && argv[1][0] != '-' && !has_verb(root, argv[1])) {
    failed(fmt::format("there is no verb \"{}\"; see holdfast --help", argv[1]));
    return kMisunderstood;
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
  return admin.run().value_or(kMisunderstood);
}

}  // namespace holdfast
