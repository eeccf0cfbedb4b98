// `holdfast admin`: users, repositories and keys, beside a running server or without one.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <iostream>
#include <memory>
#include <termios.h>
#include <unistd.h>

#include "base/random.hpp"
#include "cli_parts.hpp"
#include "codec/json.hpp"
#include "control.hpp"

namespace holdfast {

namespace json = boost::json;

namespace {

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
      if (app->parsed()) return execute(*app, name);
    }
    return std::nullopt;
  }

 private:
  CLI::App* verb(CLI::App& parent, const std::string& word, const std::string& name,
                 const std::string& help) {
    CLI::App* app = parent.add_subcommand(word, help);
    folder_.add_to(*app);
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

  int execute(const CLI::App& app, const std::string& name) {
    const Configured configured = folder_.configured(app);
    if (!configured.problems.empty()) return report(configured.problems);
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
    const auto result = control::run(configured.options, command);
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
  FolderFlags folder_;
  std::vector<std::pair<CLI::App*, std::string>> verbs_;
};

}  // namespace

Verbs admin_verbs(CLI::App& root) {
  const auto admin = std::make_shared<Admin>(root);
  return [admin] { return admin->run(); };
}

}  // namespace holdfast
