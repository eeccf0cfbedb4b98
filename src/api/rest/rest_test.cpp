#include <gtest/gtest.h>

#include "accounts/teams.hpp"
#include "api/rest/errors.hpp"
#include "api/rest/fields.hpp"
#include "api/rest/router.hpp"

namespace holdfast::api::rest {
namespace {

using http::Method;

TEST(Fields, AreReadAsClientsWriteThem) {
  // A trailing comma behind the value, unknown fields, null for "not given".
  const Fields fields =
      Fields::parse(R"({"name":"x","unknown":[1,{"a":2}],"flag":true,"none":null},)").value();
  EXPECT_EQ(fields.text("name").value(), "x");
  EXPECT_EQ(fields.text("absent").value(), std::nullopt);
  EXPECT_EQ(fields.text("none").value(), std::nullopt);
  EXPECT_EQ(fields.flag("flag").value(), true);
  EXPECT_EQ(fields.required_text("name").value(), "x");
  EXPECT_TRUE(Fields::parse("")->text("name"));
  EXPECT_TRUE(Fields::parse(" \r\n"));
}

TEST(Fields, SayWhatIsWrong) {
  const Fields fields = Fields::parse(R"({"name":1,"flag":"yes","empty":""})").value();
  EXPECT_EQ(fields.text("name").error().reason, kFieldInvalid);
  EXPECT_EQ(fields.text("name").error().message, "\"name\" must be a string");
  EXPECT_EQ(fields.flag("flag").error().message, "\"flag\" must be true or false");
  EXPECT_EQ(fields.required_text("empty").error().reason, kFieldInvalid);
  EXPECT_EQ(fields.required_text("absent").error().reason, kFieldInvalid);
  for (const char* body : {"[]", "3", "{", "{\"a\":1,\"a\":2}", "name=x", "\"text\""}) {
    EXPECT_EQ(Fields::parse(body).error().reason, kBodyNotJson) << body;
  }
}

TEST(Fields, OfALoginAreJsonOrAForm) {
  EXPECT_EQ(Fields::parse_either(" {\"a\":\"b\"}")->text("a").value(), "b");
  EXPECT_EQ(Fields::parse_either("a=b%20c&a=d&e=")->text("a").value(), "b c");
  EXPECT_EQ(Fields::parse_either("")->text("a").value(), std::nullopt);
  EXPECT_EQ(Fields::parse_either("a=%zz").error().reason, kBodyNotJson);
  EXPECT_EQ(Fields::parse_either("{").error().reason, kBodyNotJson);
}

TEST(Fields, NumbersAreWhole) {
  const Fields fields = Fields::parse(R"({"n":-7,"f":1.5,"s":"1","big":1e30})").value();
  EXPECT_EQ(fields.number("n").value(), -7);
  EXPECT_EQ(fields.number("absent").value(), std::nullopt);
  for (const char* name : {"f", "s", "big"}) {
    EXPECT_EQ(fields.number(name).error().reason, kFieldInvalid) << name;
  }
}

class RouterTest : public testing::Test {
 protected:
  // What match() needs; nothing is called.
  static Handler named(int status) {
    return [status](const Call&) -> Result<http::Response> { return http::Response(status); };
  }
};

TEST_F(RouterTest, PathsLeadToHandlers) {
  const RouteTable table({{Method::get, "/accounts", named(1)},
                          {Method::post, "/accounts", named(2)},
                          {Method::get, "/accounts/{a}/teams/{t}", named(3)},
                          {Method::get, "/accounts/{a}/teams/mine", named(4)}});
  EXPECT_EQ(table.match(Method::get, "/accounts").route->pattern, "/accounts");
  EXPECT_EQ(table.match(Method::head, "/accounts/").route->method, Method::get);
  EXPECT_EQ(table.match(Method::post, "/accounts/").route->method, Method::post);
  const Match team = table.match(Method::get, "/accounts/ac%6De/teams/a%2Fb");
  ASSERT_NE(team.route, nullptr);
  EXPECT_EQ(team.parameters, (std::vector<std::string>{"acme", "a/b"}));
  EXPECT_EQ(table.match(Method::get, "/accounts/a/teams/mine").route->pattern,
            "/accounts/{a}/teams/{t}");  // the first that fits
}

TEST_F(RouterTest, WhatIsNotThereIsToldApart) {
  const RouteTable table(
      {{Method::get, "/accounts", named(1)}, {Method::post, "/accounts", named(2)}});
  const Match wrong_method = table.match(Method::del, "/accounts");
  EXPECT_EQ(wrong_method.route, nullptr);
  EXPECT_EQ(wrong_method.allowed, "GET, HEAD, POST");
  for (const char* path : {"", "/", "/account", "/accounts/x", "/accounts/%zz"}) {
    const Match nothing = table.match(Method::get, path);
    EXPECT_EQ(nothing.route, nullptr) << path;
    EXPECT_EQ(nothing.allowed, "") << path;
  }
}

TEST(Errors, AreInTheFormOfDtr) {
  const http::Response response =
      error_response(fail(ErrorCode::not_found, accounts::kTeamUnknown, "acme has no team x"));
  EXPECT_EQ(response.status(), 404);
  EXPECT_EQ(std::get<std::string>(response.content()),
            "{\"errors\":[{\"code\":\"NO_SUCH_TEAM\",\"message\":\"acme has no team x\"}]}\n");
  const http::Response internal =
      error_response(fail(ErrorCode::internal, "bug", "a secret of the inside"));
  EXPECT_EQ(internal.status(), 500);
  EXPECT_EQ(std::get<std::string>(internal.content()).find("secret"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::api::rest
