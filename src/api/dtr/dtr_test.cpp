#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/dtr/alerts.hpp"
#include "api/dtr/event_words.hpp"

namespace holdfast::api::dtr {
namespace {

using events::Type;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(EventWords, AreThoseOfDtr) {
  EXPECT_EQ(words_of(Type::tag_pushed).type, "CREATE");
  EXPECT_EQ(words_of(Type::tag_pushed).object, "TAG");
  EXPECT_EQ(words_of(Type::manifest_pulled).type, "GET");
  EXPECT_EQ(words_of(Type::manifest_pulled).object, "MANIFEST");
  EXPECT_EQ(words_of(Type::blob_deleted).type, "DELETE");
  EXPECT_EQ(words_of(Type::team_member_removed).type, "UPDATE");
  EXPECT_EQ(words_of(Type::team_member_removed).object, "TEAM");
  EXPECT_EQ(words_of(Type::login_failed).type, "FAIL");
  EXPECT_EQ(words_of(Type::login_failed).object, "ACCOUNT");
  EXPECT_EQ(words_of(Type::settings_changed).object, "SYSTEM");
  EXPECT_EQ(words_of(Type::session_started).object, "SESSION");
  EXPECT_EQ(words_of(Type::session_settings_updated).object, "SYSTEM");
  EXPECT_EQ(words_of(Type::pruning_policy_updated).type, "UPDATE");
  EXPECT_EQ(words_of(Type::pruning_policy_updated).object, "PRUNING");
}

TEST(EventWords, AreFoundWithoutCase) {
  EXPECT_EQ(types_that_fit("", "").value().size(), events::types().size());
  EXPECT_THAT(types_that_fit("create", "tag").value(), ElementsAre(Type::tag_pushed));
  EXPECT_THAT(types_that_fit("tag_deleted", "").value(), ElementsAre(Type::tag_deleted));
  EXPECT_THAT(types_that_fit("SEND", "").value(), ElementsAre());
  EXPECT_THAT(types_that_fit("GET", "TEAM").value(), ElementsAre());
  EXPECT_THAT(types_that_fit("x", "").error().message, HasSubstr("eventType"));
  const std::string message = types_that_fit("", "x").error().message;
  EXPECT_THAT(message, HasSubstr("objectType"));
  for (const Type type : events::types()) EXPECT_THAT(message, HasSubstr(words_of(type).object));
}

TEST(EventWords, PullsAndGrantsAreNotForViewers) {
  EXPECT_TRUE(is_for_viewers(Type::tag_pushed));
  EXPECT_TRUE(is_for_viewers(Type::repository_created));
  for (const Type type : {Type::manifest_pulled, Type::access_granted, Type::login_failed,
                          Type::settings_changed, Type::user_created}) {
    EXPECT_FALSE(is_for_viewers(type));
  }
}

TEST(Alerts, ComeInTime) {
  const Timestamp now = from_micros(1'764'000'000'000'000);
  EXPECT_TRUE(alerts({.now = now}).empty());
  EXPECT_TRUE(alerts({.now = now,
                      .certificate_ends = now + std::chrono::days(31),
                      .disk_bytes = 100,
                      .disk_free_bytes = 15})
                  .empty());
  const auto both = alerts({.now = now,
                            .certificate_ends = now + std::chrono::days(29),
                            .disk_bytes = 100,
                            .disk_free_bytes = 14});
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].at("id"), "certificate-ends");
  EXPECT_EQ(both[0].at("class"), "warning");
  EXPECT_THAT(both[0].at("message").as_string().c_str(), HasSubstr("in 29 days"));
  EXPECT_EQ(both[1].at("id"), "disk-full");
  EXPECT_THAT(both[1].at("message").as_string().c_str(), HasSubstr("86 %"));
  const auto over = alerts({.now = now,
                            .certificate_ends = now - std::chrono::days(1),
                            .disk_bytes = 100,
                            .disk_free_bytes = 1});
  EXPECT_EQ(over[0].at("class"), "danger");
  EXPECT_EQ(over[1].at("class"), "danger");
}

TEST(Alerts, MissABackupAfterAWeek) {
  const Timestamp now = from_micros(1'764'000'000'000'000);
  const auto days = [](int count) { return std::chrono::days(count); };
  EXPECT_TRUE(
      alerts({.now = now, .backup = backup::Last{.registry_made_at = now - days(6)}}).empty());
  const auto never =
      alerts({.now = now, .backup = backup::Last{.registry_made_at = now - days(8)}});
  ASSERT_EQ(never.size(), 1U);
  EXPECT_EQ(never[0].at("id"), "no-backup");
  EXPECT_THAT(never[0].at("message").as_string().c_str(), HasSubstr("never saved"));
  EXPECT_TRUE(
      alerts({.now = now,
              .backup = backup::Last{.made_at = now - days(6), .registry_made_at = now - days(99)}})
          .empty());
  const auto old = alerts(
      {.now = now,
       .backup = backup::Last{.made_at = now - days(8), .registry_made_at = now - days(99)}});
  ASSERT_EQ(old.size(), 1U);
  EXPECT_THAT(old[0].at("message").as_string().c_str(), HasSubstr("2025-11-16"));
}

TEST(Alerts, OfAScannerThatCannotAndOfWhatIsStale) {
  const Timestamp now = *parse_rfc3339("2026-11-24T00:00:00Z");
  EXPECT_TRUE(alerts({.now = now, .scanner = ScannerAlert{}}).empty());
  const auto off = alerts({.now = now, .scanner = ScannerAlert{.problem = "scanning is off: why"}});
  ASSERT_EQ(off.size(), 1U);
  EXPECT_EQ(off[0].at("id"), "scanning-off");
  EXPECT_EQ(off[0].at("message"), "Scanning is off: why.");
  const auto stale = alerts({.now = now,
                             .scanner = ScannerAlert{.stale_since = now - std::chrono::days(8),
                                                     .stale_feeds = {"PyPI"}}});
  ASSERT_EQ(stale.size(), 1U) << "of the whole, not once more of its parts";
  EXPECT_EQ(stale[0].at("id"), "advisories-stale");
  const auto feeds = alerts({.now = now, .scanner = ScannerAlert{.stale_feeds = {"PyPI", "npm"}}});
  ASSERT_EQ(feeds.size(), 1U);
  EXPECT_NE(std::string_view(feeds[0].at("message").as_string()).find("PyPI, npm"),
            std::string_view::npos);
}

}  // namespace
}  // namespace holdfast::api::dtr
