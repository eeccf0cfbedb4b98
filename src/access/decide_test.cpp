#include "access/decide.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <random>
#include <set>
#include <stdlib.h>

#include "db/migrations.hpp"
#include "db/sqlite/sqlite.hpp"
#include "repos/repositories.hpp"

namespace holdfast::access {
namespace {

using accounts::Level;
using accounts::Subject;

constexpr std::int64_t kNamespace = 10;
constexpr std::int64_t kRepository = 100;

// Every action, in the order of the letters of the tables below.
constexpr std::array kActions = {Action::view,
                                 Action::pull,
                                 Action::push,
                                 Action::start_scan,
                                 Action::delete_content,
                                 Action::edit,
                                 Action::set_visibility,
                                 Action::manage_access,
                                 Action::delete_repository,
                                 Action::create_repository};

Subject user(std::vector<std::int64_t> owned = {}, std::vector<Subject::Grant> grants = {}) {
  Subject subject;
  subject.account_id = 1;
  subject.name = "alice";
  subject.owned_namespaces = std::move(owned);
  subject.owned_namespaces.push_back(1);
  std::ranges::sort(subject.owned_namespaces);
  subject.grants = std::move(grants);
  return subject;
}
Subject administrator() {
  Subject subject = user();
  subject.is_administrator = true;
  return subject;
}
Subject inactive(Subject subject) {
  subject.is_active = false;
  return subject;
}

struct Case {
  std::string_view who;
  Subject subject;
  std::string_view on_private;  // one letter an action: y or -
  std::string_view on_public;
};

TEST(Decide, EveryRoleAndAction) {
  using Grant = Subject::Grant;
  const Case cases[] = {
      {"anonymous", Subject(), "----------", "yy--------"},
      {"stranger", user(), "----------", "yy--------"},
      {"inactive stranger", inactive(user()), "----------", "----------"},
      {"inactive owner", inactive(user({kNamespace})), "----------", "----------"},
      {"inactive administrator", inactive(administrator()), "----------", "----------"},
      {"administrator", administrator(), "yyyyyyyyyy", "yyyyyyyyyy"},
      {"owner", user({kNamespace}), "yyyyyyyyyy", "yyyyyyyyyy"},
      {"owner of another", user({11}), "----------", "yy--------"},
      {"read-only", user({}, {Grant{kNamespace, kRepository, Level::read_only}}), "yy--------",
       "yy--------"},
      {"read-write", user({}, {Grant{kNamespace, kRepository, Level::read_write}}), "yyyyy-----",
       "yyyyy-----"},
      {"admin", user({}, {Grant{kNamespace, kRepository, Level::admin}}), "yyyyyyyyy-",
       "yyyyyyyyy-"},
      {"namespace read-only", user({}, {Grant{kNamespace, 0, Level::read_only}}), "yy--------",
       "yy--------"},
      {"namespace read-write", user({}, {Grant{kNamespace, 0, Level::read_write}}), "yyyyy-----",
       "yyyyy-----"},
      {"namespace admin", user({}, {Grant{kNamespace, 0, Level::admin}}), "yyyyyyyyy-",
       "yyyyyyyyy-"},
      {"highest wins",
       user({}, {Grant{kNamespace, 0, Level::read_only},
                 Grant{kNamespace, kRepository, Level::read_write}}),
       "yyyyy-----", "yyyyy-----"},
      {"on another repository", user({}, {Grant{kNamespace, 101, Level::admin}}), "----------",
       "yy--------"},
      {"on another namespace", user({}, {Grant{11, 0, Level::admin}}), "----------", "yy--------"},
  };
  for (const Case& one : cases) {
    for (const bool is_public : {false, true}) {
      std::string got;
      for (const Action action : kActions) {
        got += decide(one.subject, action, {kNamespace, kRepository, is_public}) ? 'y' : '-';
      }
      EXPECT_EQ(got, is_public ? one.on_public : one.on_private) << one.who;
    }
  }
}

// A list over visible_set holds exactly what decide lets the subject view, at every page size.
TEST(VisibleSet, ListsAreWhatDecideAllows) {
  std::string folder = (std::filesystem::temp_directory_path() / "holdfast-access-XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  {
    const SystemClock clock;
    SystemRandom random;
    const auto database = db::sqlite::open(folder + "/test.db").value();
    ASSERT_TRUE(database->migrate(
        db::joined({events::migrations(), accounts::migrations(), repos::migrations()})));
    accounts::Accounts accounts(*database, clock, random);
    repos::Repositories repositories(*database, clock, random);
    std::mt19937 dice(7);
    std::vector<repos::Repository> all;
    for (int ns = 0; ns < 5; ++ns) {
      ASSERT_TRUE(accounts.create_user({fmt::format("user{}", ns), "a good password"}, {}));
      for (int i = 0; i < 12; ++i) {
        const auto name =
            oci::RepositoryName::parse(fmt::format("user{}/r{}", ns, dice() % 1000)).value();
        const auto made =
            repositories.create(name,
                                {.visibility = dice() % 3 == 0 ? repos::Visibility::public_access
                                                               : repos::Visibility::private_access},
                                {});
        if (made) all.push_back(*made);
      }
    }
    std::ranges::sort(all, {},
                      [](const repos::Repository& repository) { return repository.name.text(); });
    for (int round = 0; round < 40; ++round) {
      Subject subject = dice() % 8 == 0 ? Subject() : user();
      subject.is_administrator = subject.account_id != 0 && dice() % 8 == 0;
      subject.is_active = dice() % 8 != 0;
      for (int i = 0; i < 4 && subject.account_id != 0; ++i) {
        const repos::Repository& on = all[dice() % all.size()];
        subject.grants.push_back(
            {on.namespace_id, dice() % 2 == 0 ? 0 : on.id, static_cast<Level>(dice() % 4)});
      }
      std::vector<std::string> expected;
      for (const repos::Repository& repository : all) {
        if (decide(subject, Action::view, Object::of(repository)))
          expected.push_back(repository.name.text());
      }
      for (const int size : {1, 7, 100}) {
        std::vector<std::string> listed;
        while (true) {
          const auto page =
              repositories.list(visible_set(subject), listed.empty() ? "" : listed.back(), size)
                  .value();
          if (page.empty()) break;
          listed.insert(listed.end(), page.begin(), page.end());
        }
        ASSERT_EQ(listed, expected);
      }
    }
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace holdfast::access
