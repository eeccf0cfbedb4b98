#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

#include "client/connection.hpp"
#include "client/help.hpp"
#include "client/layout.hpp"
#include "client/logins.hpp"
#include "client/parse.hpp"

namespace holdfast::client {
namespace {

const Timestamp kNow = parse_rfc3339("2026-11-24T12:00:00Z").value();

std::string body_text(const std::vector<std::string>& words) {
  const auto made = parse(words);
  if (!made) return made.error().message;
  const auto body = body_of(*made, kNow);
  return body ? boost::json::serialize(*body) : body.error().message;
}

TEST(ClientCommands, EachIsWhole) {
  std::set<std::string> seen;
  for (const Command& command : commands()) {
    const std::string name = usage_line(command);
    EXPECT_TRUE(seen.insert(name).second) << name;
    EXPECT_FALSE(command.summary.empty() || command.summary.ends_with('.')) << name;
    EXPECT_NE(command.example.find("holdfast " + std::string(command.noun)), std::string::npos)
        << name;
    if (command.method == Method::del) EXPECT_FALSE(command.confirm.empty()) << name;
    // Every hole of the path is an argument, so that none is left out silently.
    std::vector<std::string> words{std::string(command.noun)};
    if (!command.verb.empty()) words.emplace_back(command.verb);
    for (const std::string_view argument : command.arguments) {
      words.emplace_back(argument.ends_with(":TAG")                     ? "a/b:c"
                         : argument.ends_with("...")                    ? "a=b"
                         : argument.find('/') == std::string_view::npos ? "x"
                                                                        : "a/b");
    }
    const auto made = parse(words);
    ASSERT_TRUE(made) << name << ": " << made.error().message;
    const std::string target = target_of(*made);
    EXPECT_EQ(target.find("//"), std::string::npos) << target;
    EXPECT_FALSE(target.ends_with('/')) << target;
    EXPECT_EQ(target.find('{'), std::string::npos) << target;
  }
}

TEST(ClientParse, PathsAndQueries) {
  const auto target = [](const std::vector<std::string>& words) {
    return target_of(parse(words).value());
  };
  EXPECT_EQ(target({"tag", "show", "acme/app:1.0"}), "/api/v0/repositories/acme/app/tags/1.0");
  EXPECT_EQ(target({"tag", "show", "acme/app@sha256:ab"}),
            "/api/v0/repositories/acme/app/tags/sha256:ab");
  EXPECT_EQ(target({"team", "grant", "acme", "web", "admin"}),
            "/api/v0/repositoryNamespaces/acme/teamAccess/web");
  EXPECT_EQ(target({"team", "grant", "acme/app", "web", "admin"}),
            "/api/v0/repositories/acme/app/teamAccess/web");
  EXPECT_EQ(target({"user", "list"}), "/enzi/v0/accounts?filter=users");
  EXPECT_EQ(target({"user", "list", "--filter=admins", "--contains", "a&b"}),
            "/enzi/v0/accounts?filter=admins&contains=a%26b");
  EXPECT_EQ(target({"user", "delete", "--yes", "--", "-x/../y z"}),
            "/enzi/v0/accounts/-x%2F..%2Fy%20z");
}

TEST(ClientParse, Bodies) {
  EXPECT_EQ(body_text({"org", "create", "acme"}), R"({"name":"acme","isOrg":true})");
  EXPECT_EQ(body_text({"user", "create", "ada", "--admin", "--inactive"}),
            R"({"name":"ada","isAdmin":true,"isActive":false})");
  EXPECT_EQ(body_text({"repo", "edit", "a/b", "--tag-limit", "7", "--immutable-tags=false"}),
            R"({"tagLimit":7,"immutableTags":false})");
  EXPECT_EQ(body_text({"settings", "set", "a=true", "b=text", "c=\"7\"", "d=x=y"}),
            R"({"a":true,"b":"text","c":"7","d":"x=y"})");
  EXPECT_EQ(body_text({"job", "run", "sleep", "--param", "a=b", "--param", "c=1"}),
            R"({"action":"sleep","parameters":{"a":"b","c":"1"}})");
  EXPECT_EQ(body_text({"token", "create", "ci", "--expires", "30d", "--scope", "acme/app:pull,push",
                       "--scope", "acme/*:pull"}),
            R"({"tokenLabel":"ci","expiresAt":"2026-12-24T12:00:00.000000Z","scope":[)"
            R"({"repository":"acme/app","actions":["pull","push"]},)"
            R"({"repository":"acme/*","actions":["pull"]}]})");
}

TEST(ClientParse, WhatIsNotUnderstood) {
  for (const std::string expires : {"30", "d", "-1d", "0h", "99999999999d", "30dd", "tomorrow"}) {
    EXPECT_NE(body_text({"token", "create", "ci", "--expires", expires}).find("--expires"),
              std::string::npos)
        << expires;
  }
  EXPECT_NE(body_text({"token", "create", "ci", "--scope", "acme/app"}).find("--scope"),
            std::string::npos);
  EXPECT_NE(body_text({"repo", "edit", "a/b", "--tag-limit", "7x"}).find("number"),
            std::string::npos);
  EXPECT_NE(body_text({"settings", "set", "=x"}).find("KEY=VALUE"), std::string::npos);
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"repo"},
                                             {"repo", "lst"},
                                             {"repo", "show"},
                                             {"repo", "show", "acme"},
                                             {"repo", "show", "/app"},
                                             {"repo", "show", ""},
                                             {"repo", "show", "a/b", "c"},
                                             {"repo", "list", "--limit"},
                                             {"repo", "list", "--json=1"},
                                             {"repo", "list", "-x"},
                                             {"tag", "show", "acme/app"},
                                             {"tag", "show", "acme/app:"}}) {
    const auto made = parse(words);
    ASSERT_FALSE(made) << words.back();
    EXPECT_EQ(made.error().reason, kUsage);
  }
  EXPECT_TRUE(parse({"repo", "show", "--help"}));
  EXPECT_EQ(nearest("delte", {"list", "delete"}), "delete");
  EXPECT_EQ(nearest("xyz", {"list", "delete"}), "");
}

TEST(ClientHelp, Completions) {
  EXPECT_EQ(completions({"se"}, {"serve", "verify"}),
            (std::vector<std::string>{"search", "settings", "serve"}));
  EXPECT_EQ(completions({"tag", ""}, {}), (std::vector<std::string>{"list", "show", "delete"}));
  EXPECT_EQ(completions({"tag", "delete", "--y"}, {}), (std::vector<std::string>{"--yes"}));
  EXPECT_EQ(completions({"login", "--to"}, {}), (std::vector<std::string>{"--token-stdin"}));
  EXPECT_TRUE(completions({"nothing", ""}, {}).empty());
  EXPECT_TRUE(completions({}, {}).empty());
}

TEST(ClientHelp, ArgumentAtTheEnd) {
  EXPECT_EQ(argument_at({"tag", "list", ""}), "NAMESPACE/REPO");
  EXPECT_EQ(argument_at({"tag", "list", "--json", "--limit", "3", "a"}), "NAMESPACE/REPO");
  EXPECT_EQ(argument_at({"tag", "list", "--limit", "3"}), "");
  EXPECT_EQ(argument_at({"tag", "list", "a/b", ""}), "");
  EXPECT_EQ(argument_at({"team", "add-member", "acme", "web", "al"}), "USER");
  EXPECT_EQ(argument_at({"tag", "li"}), "");
  EXPECT_EQ(argument_at({"nothing", ""}), "");
}

TEST(ClientLayout, Widths) {
  EXPECT_EQ(width("abc"), 3U);
  EXPECT_EQ(width("日本"), 4U);
  EXPECT_EQ(width("e\u0301"), 1U);
  EXPECT_EQ(width("\xff\xfe"), 2U);
  EXPECT_EQ(cut("abcdef", 4), "abc…");
  EXPECT_EQ(cut("日本語", 4), "日…");
  EXPECT_EQ(cut("abc", 3), "abc");
}

TEST(ClientLayout, HarmlessOnATerminal) {
  EXPECT_EQ(harmless("a\x1b[2Jb\r\n\x7f"), "a�[2Jb���");
  EXPECT_EQ(harmless("\u009b31m \u202e"), "�31m �");
  EXPECT_EQ(harmless("\xc3("), "�(");
  EXPECT_EQ(harmless("\xed\xa0"), "��");
  EXPECT_EQ(harmless("grün 日本"), "grün 日本");
  const boost::json::value value = {{"a", "\x1b\u009b\u202e\x7f"}};
  EXPECT_EQ(json_text(value), R"({"a":"\u001b\u009b\u202e\u007f"})");
  EXPECT_EQ(boost::json::parse(json_text(value)), value);
}

TEST(ClientLayout, TimesAndSizes) {
  EXPECT_EQ(relative("2026-11-24T09:00:00Z", kNow), "3 hours ago");
  EXPECT_EQ(relative("2026-11-24T11:58:30Z", kNow), "1 minute ago");
  EXPECT_EQ(relative("2026-11-24T11:59:59Z", kNow), "just now");
  EXPECT_EQ(relative("2026-11-26T12:00:01Z", kNow), "in 2 days");
  EXPECT_EQ(relative("0001-01-01T00:00:00Z", kNow), "never");
  EXPECT_EQ(relative("", kNow), "never");
}

TEST(ClientLayout, Tables) {
  const auto rows = boost::json::parse(R"([{"n":"日本","o":{"k":7},"s":2048},
      {"n":"abcdef","o":{"k":12},"s":1}])");
  const std::vector<Column> columns = {
      {"NAME", "n"}, {"COUNT", "o.k"}, {"SIZE", "s", Form::size}, {"GONE", "x.y"}};
  EXPECT_EQ(table(rows.as_array(), columns, kNow, {}),
            "NAME    COUNT     SIZE  GONE\n"
            "日本        7  2.0 KiB\n"
            "abcdef     12      1 B\n");
  EXPECT_EQ(table(rows.as_array(), columns, kNow, {.columns = 8}),
            "NAME   …\n日本   …\nabcdef …\n");
  EXPECT_EQ(table({}, columns, kNow, {}), "NAME  COUNT  SIZE  GONE\n");
  EXPECT_EQ(card(rows.at(0), columns, kNow), "NAME   日本\nCOUNT  7\nSIZE   2.0 KiB\nGONE\n");
  EXPECT_EQ(card(boost::json::parse(R"({"a":true,"bc":null,"d":"\u001b"})"), {}, kNow),
            "a   true\nbc\nd   �\n");
}

TEST(ClientConnection, Servers) {
  EXPECT_EQ(parse_server("dtr.mydns.com").value().text(), "dtr.mydns.com:443");
  EXPECT_EQ(parse_server("https://dtr.mydns.com:8443/").value().text(), "dtr.mydns.com:8443");
  EXPECT_EQ(parse_server("[::1]:8443").value().text(), "[::1]:8443");
  for (const std::string wrong : {"", ":443", "a:", "a:x", "a:123456", "a b", "a/b", "[::1",
                                  "[::1]x", "http://a", "a\r\nb", "::1"}) {
    EXPECT_FALSE(parse_server(wrong)) << wrong;
  }
}

TEST(ClientLogins, AreKeptForTheirOwnerAlone) {
  std::string folder = (std::filesystem::temp_directory_path() / "hf-logins-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::filesystem::path file = std::filesystem::path(folder) / "a/b/config.json";
  EXPECT_TRUE(load_logins(file).value().hosts.empty());
  Logins logins;
  logins.current = "h:443";
  logins.hosts["h:443"] = {"ada", "secret", "id", "pem"};
  ASSERT_TRUE(save_logins(file, logins));
  ASSERT_TRUE(save_logins(file, logins));
  struct stat found{};
  ASSERT_EQ(::stat(file.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
  const Logins again = load_logins(file).value();
  EXPECT_EQ(again.current, "h:443");
  EXPECT_EQ(again.hosts.at("h:443").token, "secret");
  EXPECT_EQ(again.hosts.at("h:443").ca_pem, "pem");
  std::ofstream(file) << "{\"hosts\":[]";
  EXPECT_EQ(load_logins(file).error().reason, kLoginsUnreadable);
  EXPECT_FALSE(save_logins("/proc/none/config.json", logins));
  EXPECT_FALSE(save_logins("", logins));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace holdfast::client
