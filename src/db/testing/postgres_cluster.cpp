#include "db/testing/postgres_cluster.hpp"

#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <stdexcept>
#include <stdlib.h>
#include <unistd.h>

namespace holdfast::db::testing {

namespace {

constexpr std::string_view kBin = "/usr/lib/postgresql/15/bin";

// PostgreSQL refuses root: then the account that Debian's package made.
std::string as_user() {
  return geteuid() == 0 ? "setpriv --reuid=postgres --regid=postgres --clear-groups " : "";
}

}  // namespace

PostgresCluster::PostgresCluster() {
  if (!std::filesystem::exists(std::string(kBin) + "/postgres")) {
    throw std::runtime_error("PostgreSQL is missing: apt-get install postgresql-15");
  }
  std::string name = "/tmp/holdfast-postgres-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a folder in /tmp");
  folder_ = name;
  if (geteuid() == 0) run(fmt::format("chown postgres {}", folder_));
  // The test user's own cluster: reached by nobody but by the socket in its folder.
  run(as_user() + fmt::format("{}/initdb -D {}/data -U holdfast -E UTF8 --locale=C.UTF-8 "
                              "--auth=trust --no-sync >{}/initdb.log 2>&1",
                              kBin, folder_, folder_));
  start();
}

PostgresCluster::~PostgresCluster() {
  // It may be stopped already; a test can do no more about a failure here than go on.
  // NOLINTNEXTLINE(cert-env33-c,concurrency-mt-unsafe): a test's own command
  (void)std::system(stop_command().c_str());
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void PostgresCluster::start() {
  run(as_user() + fmt::format("{0}/pg_ctl -D {1}/data -l {1}/log -w -s -o \"-c listen_addresses='' "
                              "-c unix_socket_directories='{1}' -c fsync=off\" start",
                              kBin, folder_));
}

std::string PostgresCluster::stop_command() const {
  return as_user() +
         fmt::format("{}/pg_ctl -D {}/data -m immediate -w -s stop 2>/dev/null", kBin, folder_);
}

void PostgresCluster::stop() { run(stop_command()); }

std::string PostgresCluster::create_database() {
  const std::string name = fmt::format("test{}", ++databases_);
  run(fmt::format("{}/createdb -h {} -U holdfast {}", kBin, folder_, name));
  return fmt::format("postgresql://holdfast@/{}?host={}", name, folder_);
}

void PostgresCluster::run(const std::string& command) const {
  // NOLINTNEXTLINE(cert-env33-c,concurrency-mt-unsafe): a test's own command
  if (std::system(command.c_str()) == 0) return;
  throw std::runtime_error("failed: " + command);
}

}  // namespace holdfast::db::testing
