#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin.hpp"
#include "certificates.hpp"
#include "codec/json.hpp"
#include "control.hpp"
#include "core.hpp"
#include "crypto/authority.hpp"
#include "data_folder.hpp"
#include "db/testing/postgres_cluster.hpp"
#include "dispatch.hpp"
#include "metadata.hpp"

namespace holdfast {
namespace {

namespace json = boost::json;

class Folder : public testing::Test {
 protected:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast-app-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Folder() override { std::filesystem::remove_all(path_); }
  // A folder that a server has set up once.
  void set_up() {
    auto folder = DataFolder::open(path_, DataFolder::IfMissing::create).value();
    ASSERT_TRUE(Core::open(folder, CoreOptions{}));
    ASSERT_TRUE(folder.finish_setup());
  }
  std::filesystem::path path_;
};

TEST(Dispatch, NoPathBelongsToTwo) {
  EXPECT_EQ(area_of("/v2"), Area::registry);
  EXPECT_EQ(area_of("/v2/a/b/tags/list"), Area::registry);
  EXPECT_EQ(area_of("/v2x"), Area::web);
  EXPECT_EQ(area_of("/auth/token"), Area::token);
  EXPECT_EQ(area_of("/auth/token/x"), Area::web);
  EXPECT_EQ(area_of("/ca"), Area::ops);
  EXPECT_EQ(area_of("/"), Area::web);
  for (const Prefix& one : prefixes()) {
    for (const Prefix& other : prefixes()) {
      if (&one == &other) continue;
      const bool inside = one.path.starts_with(other.path) && other.match == Prefix::Match::below &&
                          one.path.substr(other.path.size()).starts_with('/');
      EXPECT_FALSE(inside || one.path == other.path) << one.path << " lies in " << other.path;
    }
  }
}

TEST_F(Folder, IsForOneProcessThatIsNamed) {
  const auto first = DataFolder::open(path_, DataFolder::IfMissing::create);
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->fresh());
  const auto second = DataFolder::open(path_, DataFolder::IfMissing::create);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().reason, kFolderInUse);
  EXPECT_EQ(second.error().details, std::vector<std::string>{std::to_string(::getpid())});
}

TEST_F(Folder, HasAFormatThatIsKnown) {
  set_up();
  EXPECT_FALSE(DataFolder::open(path_, DataFolder::IfMissing::fail)->fresh());
  std::ofstream(path_ / "format") << "2\n";
  EXPECT_EQ(DataFolder::open(path_, DataFolder::IfMissing::fail).error().reason, kFolderNewer);
  for (const std::string_view text : {"", "x\n", "-1\n", "0\n", "1\n1\n", "99999999\n"}) {
    std::ofstream(path_ / "format") << text;
    EXPECT_EQ(DataFolder::open(path_, DataFolder::IfMissing::fail).error().reason, kFolderUnusable)
        << text;
  }
}

TEST_F(Folder, IsNotMadeByTheCommandLine) {
  const auto missing = path_ / "none";
  EXPECT_EQ(DataFolder::open(missing, DataFolder::IfMissing::fail).error().reason, kFolderUnusable);
  EXPECT_FALSE(std::filesystem::exists(missing));
  EXPECT_EQ(DataFolder::open(path_, DataFolder::IfMissing::fail).error().reason, kFolderUnusable);
  EXPECT_TRUE(std::filesystem::is_empty(path_));
}

TEST_F(Folder, ALostSealingKeyIsNotMadeAnew) {
  set_up();
  std::filesystem::remove(path_ / "secret.key");
  auto folder = DataFolder::open(path_, DataFolder::IfMissing::fail).value();
  const auto core = Core::open(folder, CoreOptions{});
  ASSERT_FALSE(core);
  EXPECT_THAT(core.error().message, testing::HasSubstr("secret.key"));
  EXPECT_FALSE(std::filesystem::exists(path_ / "secret.key"));
}

TEST_F(Folder, FilesAreWrittenWhole) {
  ASSERT_TRUE(write_atomically(path_ / "file", "text", 0600));
  struct stat info{};
  ASSERT_EQ(::stat((path_ / "file").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  EXPECT_FALSE(std::filesystem::exists(path_ / "file.new"));
  EXPECT_FALSE(write_atomically(path_ / "no" / "file", "text", 0600));
}

TEST_F(Folder, EveryVerbOfAdmin) {
  set_up();
  const auto run = [&](json::object command) {
    Options options;
    options.data_dir = path_.string();
    const auto result = control::run(options, json::value(std::move(command)));
    return result ? json::serialize(*result) : "! " + result.error().message;
  };
  EXPECT_THAT(run({{"verb", "user.add"},
                   {"name", "alice"},
                   {"password", "a good password"},
                   {"administrator", true}}),
              testing::HasSubstr(R"("administrator":true)"));
  EXPECT_THAT(run({{"verb", "user.add"}, {"name", "alice"}, {"password", "a good password"}}),
              testing::HasSubstr("exists"));
  EXPECT_THAT(run({{"verb", "user.add"}, {"name", "bob"}, {"password", "short"}}),
              testing::StartsWith("! a password"));
  EXPECT_THAT(run({{"verb", "user.disable"}, {"name", "alice"}}),
              testing::HasSubstr("last active administrator"));
  EXPECT_THAT(run({{"verb", "user.passwd"}, {"name", "alice"}, {"password", "another password"}}),
              testing::Not(testing::HasSubstr("another")));
  EXPECT_THAT(run({{"verb", "user.passwd"}, {"name", "nobody"}, {"password", "another password"}}),
              testing::HasSubstr("nobody"));
  EXPECT_THAT(run({{"verb", "repo.create"}, {"name", "alice/app"}, {"public", true}}),
              testing::HasSubstr("public"));
  EXPECT_THAT(run({{"verb", "repo.create"}, {"name", "app"}}), testing::HasSubstr("namespace"));
  EXPECT_THAT(run({{"verb", "repo.list"}}), testing::HasSubstr("alice/app"));
  EXPECT_THAT(run({{"verb", "repo.delete"}, {"name", "alice/app"}}),
              testing::HasSubstr("alice/app"));
  EXPECT_EQ(run({{"verb", "repo.list"}}), "[]");
  EXPECT_THAT(run({{"verb", "user.list"}}), testing::HasSubstr("alice"));
  EXPECT_THAT(run({{"verb", "keys.rotate"}}), testing::HasSubstr("signing"));
  EXPECT_THAT(run({{"verb", "fly"}}), testing::StartsWith("! there is no command"));
}

TEST_F(Folder, CopiesItsMetadataToPostgresqlAndBack) {
  set_up();
  db::testing::PostgresCluster cluster;
  MetadataOptions postgres{cluster.create_database()};
  const auto core_on = [&](DataFolder& folder, const MetadataOptions& metadata) {
    return Core::open(folder, CoreOptions{.metadata = metadata});
  };
  auto folder = DataFolder::open(path_, DataFolder::IfMissing::fail).value();
  ASSERT_TRUE(core_on(folder, {}).value()->accounts.create_user({"alice", "a good password"}, {}));
  // To open the folder with another engine would show an empty registry.
  EXPECT_EQ(core_on(folder, postgres).error().reason, kWrongEngine);
  EXPECT_EQ(copy_metadata(folder, {}, "sqlite").error().reason, kWrongEngine);

  const auto there = copy_metadata(folder, {}, postgres.url);
  ASSERT_TRUE(there) << describe(there.error());
  EXPECT_TRUE(core_on(folder, postgres).value()->accounts.find("alice"));
  const auto without = core_on(folder, {});
  ASSERT_FALSE(without);
  EXPECT_THAT(without.error().message, testing::HasSubstr("database.url"));

  const auto back = copy_metadata(folder, postgres, "sqlite");
  ASSERT_TRUE(back) << describe(back.error());
  EXPECT_TRUE(core_on(folder, {}).value()->accounts.find("alice"));
}

TEST(Metadata, PasswordsAreNotShown) {
  EXPECT_EQ(without_password("postgresql://holdfast:geheim@db/x"),
            "postgresql://holdfast:***@db/x");
  EXPECT_EQ(without_password("postgresql://holdfast@db:5433/x"), "postgresql://holdfast@db:5433/x");
  EXPECT_EQ(without_password("host=db password=geheim dbname=x"), "host=db password=*** dbname=x");
  EXPECT_EQ(without_password("postgresql://db/x?password=geheim&a=b"),
            "postgresql://db/x?password=***&a=b");
  EXPECT_EQ(without_password(""), "");
}

class CertificatesTest : public Folder {
 protected:
  CertificatesTest() {
    set_up();
    folder_ =
        std::make_unique<DataFolder>(DataFolder::open(path_, DataFolder::IfMissing::fail).value());
    core_ = Core::open(*folder_, CoreOptions{}).value();
    options_.tls_names = {"localhost"};
  }
  std::unique_ptr<DataFolder> folder_;
  std::unique_ptr<Core> core_;
  Options options_;
};

TEST_F(CertificatesTest, TheAuthorityStaysOverStarts) {
  const auto first = Certificates::open(options_, core_->keys, core_->clock).value();
  const auto second = Certificates::open(options_, core_->keys, core_->clock).value();
  EXPECT_EQ(first->ca_pem(), second->ca_pem());
  EXPECT_THAT(first->ca_pem(), testing::Not(testing::HasSubstr("PRIVATE")));
}

TEST_F(CertificatesTest, FilesMustFitAndAreNamedWhenTheyDoNot) {
  const crypto::KeyPair own = crypto::make_root("own", core_->clock.now());
  const crypto::KeyPair other = crypto::make_root("other", core_->clock.now());
  options_.tls_certificate = path_ / "c.pem";
  options_.tls_key = path_ / "k.pem";
  std::ofstream(options_.tls_certificate) << own.certificate_pem;
  EXPECT_THAT(Certificates::open(options_, core_->keys, core_->clock).error().message,
              testing::HasSubstr("tls.key"));
  std::ofstream(options_.tls_key) << other.key_pem;
  EXPECT_THAT(Certificates::open(options_, core_->keys, core_->clock).error().message,
              testing::HasSubstr("does not belong"));
  std::ofstream(options_.tls_key) << own.key_pem;
  const auto certificates = Certificates::open(options_, core_->keys, core_->clock);
  ASSERT_TRUE(certificates);
  EXPECT_EQ(certificates.value()->ca_pem(), "");
  EXPECT_EQ(certificates.value()->certificate_pem(), own.certificate_pem);
  // A key in the same file is not shown.
  std::ofstream(options_.tls_certificate) << own.key_pem << own.certificate_pem << own.key_pem;
  EXPECT_EQ(Certificates::open(options_, core_->keys, core_->clock).value()->certificate_pem(),
            own.certificate_pem);
}

}  // namespace
}  // namespace holdfast
