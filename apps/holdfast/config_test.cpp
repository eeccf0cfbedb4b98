#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <stdlib.h>

#include "config/settings.hpp"
#include "config/sources.hpp"
#include "options.hpp"

namespace holdfast {
namespace {

using config::Problem;
using testing::HasSubstr;

// Values of a TOML text alone, and the problems in one line each.
struct Read {
  explicit Read(std::string_view toml, const config::Pairs& environment = {},
                const config::Pairs& flags = {}) {
    std::vector<Problem> found;
    values = config::gather({std::nullopt, environment, flags}, found);
    config::read_toml(toml, "holdfast.toml", values, found);
    options = make_options(values, found);
    for (const Problem& problem : found) problems += config::text(problem) + "\n";
  }
  config::Values values;
  Options options;
  std::string problems;
};

TEST(Config, DefaultsAreGood) {
  const Read read("");
  EXPECT_EQ(read.problems, "");
  EXPECT_EQ(read.options.https_listen.text(), ":8443");
  EXPECT_EQ(read.options.http_mode, PlainHttp::redirect);
  EXPECT_EQ(read.options.limits.header_bytes, 64U * 1024);
  EXPECT_EQ(read.options.uploads_expire_after, std::chrono::days(7));
  EXPECT_THAT(read.options.tls_names, testing::Contains("localhost"));
}

TEST(Config, EveryDefaultIsWhatItsOwnTypeAccepts) {
  for (const config::Setting& setting : config::settings()) {
    const config::Values defaults;
    const auto again = config::parse(setting, std::string(setting.default_text));
    ASSERT_TRUE(again) << setting.name;
    EXPECT_EQ(config::to_toml(setting, *again),
              config::to_toml(setting, defaults.of(setting.name).value));
    EXPECT_TRUE(setting.help.ends_with('.')) << setting.name;
  }
}

TEST(Config, TheLaterSourceWins) {
  const std::string folder = std::filesystem::temp_directory_path() / "holdfast-config-XXXXXX";
  std::string name = folder;
  ASSERT_NE(mkdtemp(name.data()), nullptr);
  const std::string file = name + "/h.toml";
  std::ofstream(file) << "[limits]\npage = 10\nmanifest = \"5MiB\"\nblob = \"1GiB\"\n";
  std::vector<Problem> problems;
  const config::Values values =
      config::gather({file,
                      {{"HOLDFAST_LIMITS_PAGE", "20"}, {"HOLDFAST_LIMITS_MANIFEST", "6MiB"}},
                      {{"limits.page", "30"}}},
                     problems);
  EXPECT_TRUE(problems.empty());
  const Options options = make_options(values, problems);
  EXPECT_EQ(options.page_limit, 30);
  EXPECT_EQ(options.manifest_limit_bytes, 6U * 1024 * 1024);
  EXPECT_EQ(options.blob_limit_bytes, 1024U * 1024 * 1024);
  EXPECT_EQ(values.of("limits.page").source, "--limits.page");
  EXPECT_EQ(values.of("limits.manifest").source, "HOLDFAST_LIMITS_MANIFEST");
  EXPECT_THAT(values.of("limits.blob").source, HasSubstr("h.toml:4"));
  EXPECT_EQ(values.of("log.level").source, "default");
  std::filesystem::remove_all(name);
}

TEST(Config, EveryProblemIsNamedAtOnceWithItsPlaceAndWhatWasMeant) {
  const Read read(
      "data_dirr = \"x\"\nhttp.mode = \"sideways\"\n[https]\nlistn = \":1\"\nlisten = "
      "\"nonsense\"\n",
      {{"HOLDFAST_LOG_LEVL", "info"}, {"HOLDFAST_TOKEN_LIFETIME", "1s"}},
      {{"limits.connections", "many"}});
  for (const std::string_view part :
       {"holdfast.toml:1", "data_dirr", "did you mean \"data_dir\"", "holdfast.toml:2", "redirect",
        "https.listn", "\"nonsense\"", "HOLDFAST_LOG_LEVL", "HOLDFAST_LOG_LEVEL",
        "HOLDFAST_TOKEN_LIFETIME", "--limits.connections"}) {
    EXPECT_THAT(read.problems, HasSubstr(std::string(part)));
  }
}

TEST(Config, WhatBelongsTogetherIsCheckedTogether) {
  EXPECT_THAT(Read("tls.key = \"/k\"").problems, HasSubstr("set tls.certificate too"));
  EXPECT_THAT(Read("tls.certificate = \"/c\"").problems, HasSubstr("set tls.key too"));
  EXPECT_THAT(Read("external_url = \"https://x/path\"").problems, HasSubstr("without a path"));
  EXPECT_THAT(Read("external_url = \"ftp://x\"").problems, HasSubstr("external_url"));
  EXPECT_THAT(Read("external_url = \"https://x\\\"y\"").problems, HasSubstr("external_url"));
  EXPECT_THAT(Read("trusted_proxies = [\"10.0.0.0/8\", \"nobody\"]").problems, HasSubstr("nobody"));
  EXPECT_EQ(Read("external_url = \"https://dtr.mydns.com:4443/\"").options.external_url,
            "https://dtr.mydns.com:4443");
  EXPECT_THAT(Read("external_url = \"https://dtr.mydns.com:4443\"").options.tls_names,
              testing::Contains("dtr.mydns.com"));
}

// toml++ runs into undefined behaviour for these unless it is helped (see sources.cpp).
TEST(Config, MalformedTextThatFuzzingFound) {
  EXPECT_EQ(Read("# \u4e2d\u6587\u3002\ndata_dir = \"/srv/\u6ce8\u518c\" # \u00e4\n").problems, "");
  EXPECT_THAT(Read("\nlog.level = \ufefb\"info\"").problems, HasSubstr("holdfast.toml:2"));
  EXPECT_THAT(Read("[=x").problems, HasSubstr("holdfast.toml:1"));
  EXPECT_THAT(Read("limits.page=7\"\u027e").problems, HasSubstr("holdfast.toml:1"));
}

// The guide's table is the table of the settings.
TEST(Config, TheGuideListsEverySettingAsItIs) {
  std::ifstream file(HOLDFAST_SOURCE_DIR "/docs/guide/configuration.md");
  const std::string guide((std::istreambuf_iterator<char>(file)), {});
  for (const config::Setting& setting : config::settings()) {
    const auto value = config::parse(setting, std::string(setting.default_text));
    EXPECT_THAT(guide, HasSubstr(fmt::format("| `{}` | {} | `{}` | {} |", setting.name,
                                             config::name(setting.type),
                                             config::to_toml(setting, *value), setting.help)));
  }
}

}  // namespace
}  // namespace holdfast
