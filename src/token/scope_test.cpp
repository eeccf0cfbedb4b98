#include "token/scope.hpp"

#include <gtest/gtest.h>

namespace holdfast::token {
namespace {

std::string shown(std::string_view text) {
  std::string out;
  for (const Access& access : parse_scopes(text)) {
    out += access.type + "|" + access.name + "|";
    for (const std::string_view action : action_names(access.actions))
      out += std::string(action) + ";";
    out += " ";
  }
  return out;
}

TEST(Scope, FollowsTheGrammarThatClientsWrite) {
  EXPECT_EQ(shown("repository:ns/app:pull"), "repository|ns/app|pull; ");
  EXPECT_EQ(shown("repository:ns/app:push,pull repository:ns/b:pull"),
            "repository|ns/app|pull;push; repository|ns/b|pull; ");
  EXPECT_EQ(shown("repository:dtr.example.com:8443/ns/app:pull"),
            "repository|dtr.example.com:8443/ns/app|pull; ");
  EXPECT_EQ(shown("repository(plugin):ns/app:pull,delete"), "repository|ns/app|pull;delete; ");
  EXPECT_EQ(shown("registry:catalog:*"), "registry|catalog|*; ");
  EXPECT_EQ(shown("repository:a/b:pull repository:a/b:push repository:a/b:pull"),
            "repository|a/b|pull;push; ");
}

TEST(Scope, WhatDoesNotParseGrantsNothing) {
  for (const std::string_view text :
       {"", " ", ":", "::", "repository", "repository:a/b", "repository::pull", "repository:a/b:",
        "repository:a/b:fly", "thing:a/b:pull", "(repository):a/b:pull", "repository(:a/b:pull"}) {
    EXPECT_EQ(shown(text), "") << text;
  }
  EXPECT_EQ(shown("junk  repository:a/b:fly,pull,"), "repository|a/b|pull; ");
}

TEST(Scope, ReadsSixtyFourEntriesAtMost) {
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "repository:a/b" + std::to_string(i) + ":pull ";
  EXPECT_EQ(parse_scopes(many).size(), 64U);
}

TEST(Scope, OurOwnHostIsTakenOffAndOthersAreNotOurs) {
  EXPECT_EQ(repository_of("ns/app", "h:1"), "ns/app");
  EXPECT_EQ(repository_of("h:1/ns/app", "h:1"), "ns/app");
  EXPECT_EQ(repository_of("other:1/ns/app", "h:1"), std::nullopt);
  EXPECT_EQ(repository_of("example.com/ns/app", "h:1"), std::nullopt);
  EXPECT_EQ(repository_of("localhost/ns/app", ""), std::nullopt);
  EXPECT_EQ(repository_of("app", "h:1"), std::nullopt);
  EXPECT_EQ(repository_of("h:1", "h:1"), std::nullopt);
  EXPECT_EQ(repository_of("ns/../app", ""), std::nullopt);
}

}  // namespace
}  // namespace holdfast::token
