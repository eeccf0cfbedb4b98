#include "client/client.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.hpp"
#include "client/complete.hpp"
#include "client/help.hpp"
#include "client/layout.hpp"
#include "client/parse.hpp"
#include "client/secrets.hpp"
#include "client/session.hpp"
#include "codec/json.hpp"
#include "scan/verbs.hpp"

namespace holdfast::client {

namespace json = boost::json;

namespace {

constexpr std::string_view kComplete = "__complete";
constexpr std::string_view kGuide = "__guide";
constexpr unsigned kCompletionSeconds = 2;
constexpr std::int64_t kLimit = 50;
constexpr std::int64_t kPageAtMost = 1000;

Look look_of_output() {
  Look look;
  if (::isatty(STDOUT_FILENO) == 0) return look;
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) look.columns = size.ws_col;
  const char* no_color = std::getenv("NO_COLOR");
  look.bold_head = no_color == nullptr || *no_color == '\0';
  return look;
}

Timestamp now() { return SystemClock().now(); }

std::string page_query(const Command& command, std::int64_t size, const std::string& start) {
  const bool dtr = command.paging == Paging::dtr;
  std::string query = fmt::format("{}={}", dtr ? "pageSize" : "limit", size);
  if (!start.empty())
    query += fmt::format("&{}={}", dtr ? "pageStart" : "start", percent_encoded(start));
  return query;
}

Result<std::int64_t> limit_of(const Invocation& invocation) {
  if (invocation.has("all")) return INT64_MAX;
  if (!invocation.has("limit")) return kLimit;
  const std::string text = invocation.flag("limit");
  const bool number =
      !text.empty() && text.size() < 10 &&
      std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
  if (number && std::stoll(text) > 0) return std::stoll(text);
  return fail(ErrorCode::invalid, kUsage, "--limit must be a number above 0");
}

Result<json::array> rows_of(const Command& command, const json::value& answer) {
  const json::value* rows = command.rows == "." ? &answer : codec::member(answer, command.rows);
  if (rows != nullptr && rows->is_array()) return rows->get_array();
  return fail(ErrorCode::denied, kServerRefused, "the server's answer has no list");
}

struct Listed {
  json::array rows;
  bool is_more = false;
};

Result<Listed> all_pages(Session& session, const Invocation& invocation) {
  const Command& command = *invocation.command;
  const std::string target = target_of(invocation);
  HF_TRY(const std::int64_t limit, limit_of(invocation));
  Listed listed;
  std::string start;
  while (true) {
    const std::int64_t asked = std::min(limit - std::ssize(listed.rows), kPageAtMost);
    std::string next;
    HF_TRY(const json::value answer,
           session.call(
               Method::get,
               fmt::format("{}{}{}", target, target.find('?') == std::string::npos ? '?' : '&',
                           page_query(command, asked, start)),
               {}, "", &next));
    HF_TRY(const json::array rows, rows_of(command, answer));
    listed.rows.insert(listed.rows.end(), rows.begin(), rows.end());
    if (command.paging == Paging::number && std::ssize(rows) == asked) {
      next = std::to_string(listed.rows.size());
    }
    // A server that gives the same start again would never end.
    if (next.empty() || next == start) return listed;
    if (std::ssize(listed.rows) >= limit) {
      listed.is_more = true;
      return listed;
    }
    start = std::move(next);
  }
}

// The server gives such a list at once; a limit of the query's own was the server's business.
Result<void> cut_rows(Listed& listed, const Invocation& invocation) {
  const auto is_local = [](const auto& one) {
    return one.first.name == "limit" && one.first.to == To::local;
  };
  if (std::ranges::none_of(invocation.flags, is_local)) return {};
  HF_TRY(const std::int64_t limit, limit_of(invocation));
  listed.is_more = std::ssize(listed.rows) > limit;
  if (listed.is_more) listed.rows.resize(static_cast<std::size_t>(limit));
  return {};
}

Result<void> list(Session& session, const Invocation& invocation) {
  const Command& command = *invocation.command;
  Listed listed;
  if (command.paging == Paging::none) {
    HF_TRY(const json::value answer, session.call(command.method, target_of(invocation), {}));
    HF_TRY(listed.rows, rows_of(command, answer));
    HF_CHECK(cut_rows(listed, invocation));
  } else {
    HF_TRY(listed, all_pages(session, invocation));
  }
  if (invocation.has("json")) {
    fmt::print("{}\n", json_text(listed.rows));
  } else if (invocation.has("quiet")) {
    for (const json::value& row : listed.rows) {
      fmt::print("{}\n", cell(row, command.columns.front(), now()));
    }
  } else {
    fmt::print("{}", table(listed.rows, command.columns, now(), look_of_output()));
  }
  if (listed.is_more) {
    fmt::print(stderr, "These are the first {}; there are more: --all or --limit N\n",
               listed.rows.size());
  }
  return {};
}

Result<void> confirm(const Invocation& invocation) {
  const Command& command = *invocation.command;
  if (command.confirm.empty() || invocation.has("yes")) return {};
  const std::string name = fill(command.confirm, invocation, false);
  HF_TRY(const std::string typed,
         ask(fmt::format("{}. Type {} to confirm: ", command.summary, harmless(name)), "--yes"));
  if (typed == name) return {};
  return fail(ErrorCode::denied, kNotGiven, "that is not it: nothing was changed");
}

Result<std::string> old_password(const Invocation& invocation, const std::string& user) {
  if (invocation.has("password-stdin")) return read_line();
  return ask_secret(fmt::format("Password of {}: ", user), "--password-stdin");
}

// Passwords go into the body; what comes back is the Authorization to use, empty for the usual one.
Result<std::string> add_secrets(const Session& session, const Invocation& invocation,
                                json::object& body) {
  const Asks asks = invocation.command->asks;
  if (asks == Asks::nothing) return std::string();
  if (asks == Asks::own_password) {
    HF_TRY(const std::string password, old_password(invocation, session.login.user));
    return basic(session.login.user, password);
  }
  const bool change = asks == Asks::change_password;
  if (change && invocation.values.at("user") == session.login.user) {
    HF_TRY(body["oldPassword"], old_password(invocation, session.login.user));
  }
  HF_TRY(body[change ? "newPassword" : "password"],
         invocation.has("password-stdin") ? read_line() : ask_new_password());
  return std::string();
}

Result<void> execute(Session& session, const Invocation& invocation) {
  const Command& command = *invocation.command;
  if (!command.rows.empty()) return list(session, invocation);
  HF_TRY(json::object body, body_of(invocation, now()));
  if (command.method == Method::patch && body.empty()) {
    return fail(ErrorCode::invalid, kUsage, "nothing to change: give a flag that says what");
  }
  HF_CHECK(confirm(invocation));
  HF_TRY(const std::string authorization, add_secrets(session, invocation, body));
  HF_TRY(const json::value answer,
         session.call(command.method, target_of(invocation), body, authorization));
  if (invocation.has("json")) {
    if (!answer.is_null()) fmt::print("{}\n", json_text(answer));
  } else if (!command.done.empty()) {
    fmt::print("{}\n", harmless(fill(command.done, invocation, false)));
  } else {
    fmt::print("{}", card(answer, command.columns, now()));
  }
  return {};
}

Result<void> completion(const Invocation& invocation) {
  const std::string script = completion_script(invocation.values.at("shell"));
  if (script.empty()) return fail(ErrorCode::invalid, kUsage, "SHELL is bash, zsh or fish");
  fmt::print("{}", script);
  return {};
}

Result<void> run_command(const Invocation& invocation) {
  const std::string_view noun = invocation.command->noun;
  if (noun == "login") return login(invocation);
  if (noun == "logout") return logout(invocation);
  if (noun == "status") return status(invocation);
  if (noun == "completion") return completion(invocation);
  if (noun == "scan") return scan::scan(invocation);
  if (noun == "advisories") return scan::advisories(invocation);
  HF_TRY(Session session, open_session(invocation));
  return execute(session, invocation);
}

int complete(const std::vector<std::string>& words, const std::vector<std::string>& server_verbs) {
  // A server that is slow to answer must not hold up a shell.
  std::signal(SIGALRM, [](int) { ::_exit(kDone); });
  ::alarm(kCompletionSeconds);
  std::vector<std::string> found = completions(words, server_verbs);
  if (found.empty() && !words.empty()) found = known_names(argument_at(words), words.back());
  for (const std::string& word : found) fmt::print("{}\n", word);
  return kDone;
}

int exit_code(const Error& error) {
  if (error.code == ErrorCode::unauthenticated) return kNotLoggedIn;
  if (error.reason == kUnreachable || error.reason == kUntrusted) return kNotReached;
  const bool misunderstood = error.code == ErrorCode::invalid && error.reason != kNotGiven;
  return misunderstood ? kMisunderstood : kRefused;
}

int outcome(const Result<void>& result, const std::string& usage, std::string_view noun) {
  const int failed = noun == "scan" ? kNotScanned : kRefused;
  // What could not be written was not done for the one who reads it.
  if (std::fflush(stdout) != 0) {
    fmt::print(stderr, "holdfast: the output cannot be written\n");
    return failed;
  }
  if (result) return kDone;
  fmt::print(stderr, "holdfast: {}\n", result.error().message);
  if (result.error().reason == kUsage) fmt::print(stderr, "Usage: {}; --help says more\n", usage);
  if (result.error().reason == scan::kFound) return kRefused;
  const int code = exit_code(result.error());
  return code == kRefused ? failed : code;
}

}  // namespace

bool is_ours(std::string_view word) { return is_noun(word) || word == kComplete || word == kGuide; }

int run(const std::vector<std::string>& words, const std::vector<std::string>& server_verbs) {
  if (words.front() == kComplete) return complete({words.begin() + 1, words.end()}, server_verbs);
  if (words.front() == kGuide) {
    fmt::print("{}", guide());
    return kDone;
  }
  const bool help_of_all = find_command(words.front(), "") == nullptr && words.size() == 2 &&
                           (words[1] == "--help" || words[1] == "-h");
  if (help_of_all) {
    fmt::print("{}", help_of_noun(words.front()));
    return kDone;
  }
  const auto invocation = parse(words);
  if (!invocation) {
    const Command* command = find_command(words.front(), "");
    if (command == nullptr && words.size() > 1) command = find_command(words[0], words[1]);
    return outcome(
        invocation.error(),
        command == nullptr ? fmt::format("holdfast {} VERB", words.front()) : usage_line(*command),
        words.front());
  }
  if (invocation->has("help")) {
    fmt::print("{}", help_of(*invocation->command));
    return kDone;
  }
  return outcome(run_command(*invocation), usage_line(*invocation->command), words.front());
}

std::string suggestion(std::string_view word, const std::vector<std::string>& server_verbs) {
  std::vector<std::string> known = server_verbs;
  for (const Command& command : commands()) known.emplace_back(command.noun);
  return nearest(word, known);
}

}  // namespace holdfast::client
