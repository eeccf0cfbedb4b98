// A PostgreSQL server of a test's own: a cluster in a temporary folder, reached by a unix socket.
#pragma once

#include <memory>
#include <string>

namespace holdfast::db::testing {

// Debian's PostgreSQL 15, as another user when the test is root (PostgreSQL refuses root). Ended
// and removed with the object. Throws when it does not start, with the package that is missing.
class PostgresCluster {
 public:
  PostgresCluster();
  ~PostgresCluster();
  PostgresCluster(const PostgresCluster&) = delete;
  PostgresCluster& operator=(const PostgresCluster&) = delete;

  // A new, empty database; gives its URL.
  std::string create_database();
  void stop();
  void start();

 private:
  [[nodiscard]] std::string stop_command() const;
  void run(const std::string& command) const;
  std::string folder_;
  int databases_ = 0;
};

}  // namespace holdfast::db::testing
