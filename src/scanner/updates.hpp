// New advisories: archives that somebody gave, imported and put in force.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "blob/store.hpp"
#include "db/database.hpp"
#include "jobs/queue.hpp"
#include "jobs/run.hpp"
#include "scanner/advisory_store.hpp"
#include "worker/launcher.hpp"

namespace holdfast::scanner {

inline constexpr std::string_view kUpdateParametersInvalid =
    "update_parameters_invalid";  // invalid

// The kind of job that run() is the work of, by DTR's name.
inline constexpr std::string_view kUpdateAction = "update_vuln_db";

struct UpdatesParts {
  db::Database& database;
  blob::Store& blobs;
  jobs::Queue& queue;
  worker::Launcher& launcher;
  AdvisoryStore& store;
  const Clock& clock;
  Random& random;
};

// Threads: any; all calls block.
class Updates {
 public:
  explicit Updates(const UpdatesParts& parts) : parts_(parts) {}

  // Keeps an archive and makes a job that imports it. `name` is the source that it replaces; "":
  // each record says it by its ecosystem. The job's id.
  Result<std::string> upload(const worker::Source& source, std::string_view name);

  // {"upload": digest, "source": name}: an archive that was uploaded. The last good advisories stay
  // when anything is wrong with it. Images are compared with the new ones by another job.
  Result<void> run(jobs::Run& run);

 private:
  Result<advisories::Info> import(jobs::Run& run, const worker::Source& source,
                                  std::string_view name);
  void tell(jobs::Run& run, std::int64_t count);

  const UpdatesParts parts_;
};

}  // namespace holdfast::scanner
