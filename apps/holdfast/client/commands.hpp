// What `holdfast` does as a client of a server, as one table: parsing, help, completion, the guide
// and the requests are all made from it.
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace holdfast::client {

// Where the value of a flag goes.
enum class To {
  text,     // a field of the body, a string
  flag,     // a field of the body: "true" or "false"
  number,   // a field of the body
  on,       // a switch: the field of the body is true
  off,      // a switch: the field of the body is false
  query,    // the query of the request
  expires,  // "30d", "12h" or a time: a field of the body, RFC 3339
  scope,    // "acme/app:pull,push", repeatable: DTR's list of scopes
  pairs,    // "KEY=VALUE", repeatable: an object of strings
  local,    // read by the client alone
};

struct Flag {
  std::string_view name;   // without its dashes
  std::string_view value;  // what help calls the value; empty: a switch
  To to = To::local;
  std::string_view field;  // of the body or the query
  std::string_view help;
};

// How a value is shown to people.
enum class Form { text, time, size, yes, digest };

struct Column {
  std::string_view title;
  std::string_view field;  // of a row; "team.name" goes down
  Form form = Form::text;
};

// A field of the body that is made from arguments: "{name}" in `value` is one of them; a value that
// begins with '=' is JSON as it stands.
struct Field {
  std::string_view name;
  std::string_view value;
};

enum class Method { get, post, put, patch, del };
// How a list goes on: DTR's pageStart, eNZi's start, or by number.
enum class Paging { none, dtr, enzi, number };
// What is asked for on the terminal, or read from standard input with --password-stdin.
enum class Asks {
  nothing,
  new_password,     // goes into the body
  change_password,  // the old one as well, for the own account
  own_password,     // this request is made with the password instead of the token
};

struct Command {
  std::string_view noun;
  std::string_view verb;  // empty for a noun that is a verb
  std::string_view summary;
  // Arguments by name: "ORG", "ORG/REPO" (gives {org} and {repo}), "KEY=VALUE..." (the rest).
  std::vector<std::string_view> arguments = {};
  std::vector<Flag> flags = {};
  Method method = Method::get;
  // "{org}" is an argument, encoded; query included. Empty: done by a function of its own.
  std::string_view path = {};
  std::vector<Field> body = {};
  std::string_view rows = {};  // the member with the list; "." when the answer is the list
  std::vector<Column> columns = {};
  Paging paging = Paging::none;
  std::string_view done = {};     // what is said when it is done
  std::string_view confirm = {};  // what a deletion asks to be typed
  Asks asks = Asks::nothing;
  std::string_view example = {};  // or several, one on each line
};

// All of them, those of a noun together.
std::span<const Command> commands();
// Null when there is none.
const Command* find_command(std::string_view noun, std::string_view verb);
bool is_noun(std::string_view word);

// Flags that every command takes.
std::span<const Flag> common_flags();
// Flags of lists, deletions and commands that ask for a password: those that the command takes.
std::vector<Flag> flags_of(const Command& command);

}  // namespace holdfast::client
