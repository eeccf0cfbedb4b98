#include "support.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <string>
#include <sys/utsname.h>
#include <thread>

#include "backup/backup.hpp"
#include "server.hpp"

namespace holdfast {

namespace json = boost::json;

namespace {

// "VmRSS:  1234 kB" of a file in /proc, as {"VmRSS": "1234 kB"}.
json::object proc_fields(const char* path, std::initializer_list<std::string_view> wanted) {
  json::object found;
  std::ifstream stream(path);
  for (std::string line; std::getline(stream, line);) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string_view name(line.data(), colon);
    if (std::ranges::find(wanted, name) == wanted.end()) continue;
    const std::size_t value = line.find_first_not_of(" \t", colon + 1);
    found[name] = value == std::string::npos ? "" : line.substr(value);
  }
  return found;
}

json::object machine() {
  utsname name{};
  ::uname(&name);
  return {{"kernel", fmt::format("{} {} {}", static_cast<const char*>(name.sysname),
                                 static_cast<const char*>(name.release),
                                 static_cast<const char*>(name.machine))},
          {"cores", std::thread::hardware_concurrency()},
          {"memory", proc_fields("/proc/meminfo", {"MemTotal", "MemAvailable", "SwapFree"})}};
}

json::object process() {
  json::object found =
      proc_fields("/proc/self/status", {"VmRSS", "VmHWM", "VmSwap", "Threads", "FDSize"});
  std::error_code problem;
  std::int64_t open_files = 0;
  for (auto entry = std::filesystem::directory_iterator("/proc/self/fd", problem);
       !problem && entry != std::filesystem::directory_iterator(); entry.increment(problem)) {
    ++open_files;
  }
  found["open_files"] = open_files;
  return found;
}

Result<json::object> rows_of_tables(db::Database& database) {
  HF_TRY(const auto tables, database.tables());
  json::object rows;
  for (const db::Table& table : tables) {
    HF_CHECK(database.read([&](db::Tx& tx) -> Result<void> {
      HF_TRY(const auto count,
             tx.find<std::int64_t>(fmt::format("SELECT count(*) FROM {}", table.name), {},
                                   [](const db::Row& row) { return row.integer(0); }));
      rows[table.name] = count.value_or(0);
      return {};
    }));
  }
  return rows;
}

Result<json::object> jobs_facts(Core& core) {
  HF_TRY(const jobs::Counts counts, core.jobs.queue.counts());
  HF_TRY(const auto failing, core.jobs.queue.failing());
  HF_TRY(const auto workers, core.jobs.workers.list());
  json::array failed;
  for (const jobs::Failing& one : failing) {
    HF_TRY(const auto lines, core.jobs.queue.logs(one.last_job, 0, 1'000'000));
    failed.emplace_back(json::object{{"action", one.action},
                                     {"count", one.count},
                                     {"last_line", lines.empty() ? "" : lines.back().data}});
  }
  json::array alive;
  for (const jobs::Worker& worker : workers) {
    alive.emplace_back(json::object{{"id", worker.id}, {"alive", worker.is_alive}});
  }
  return json::object{{"waiting", counts.waiting},
                      {"running", counts.running},
                      {"failed_within_a_day", counts.failed},
                      {"failing", std::move(failed)},
                      {"workers", std::move(alive)}};
}

}  // namespace

Result<json::object> support_facts(Core& core) {
  HF_TRY(const auto settings, core.settings.load());
  HF_TRY(auto jobs, jobs_facts(core));
  HF_TRY(auto rows, rows_of_tables(*core.database));
  HF_TRY(const backup::Last saved, backup::last(*core.database));
  HF_TRY(const gc::Status collection, core.collector.status());
  json::array collections;
  for (const gc::RunRow& run : collection.runs) {
    collections.emplace_back(json::object{{"started_at", rfc3339(run.started_at)},
                                          {"phase", gc::name(run.phase)},
                                          {"ended", run.ended},
                                          {"blobs", run.totals.blobs},
                                          {"bytes", run.totals.size_bytes}});
  }
  const Result<void> database = core.database->ping();
  return json::object{
      {"made_at", rfc3339(core.clock.now())},
      {"version", version()},
      {"machine", machine()},
      {"process", process()},
      {"database",
       {{"shared", core.database->is_shared()},
        {"state", database ? std::string("OK") : describe(database.error())},
        {"rows", std::move(rows)}}},
      {"settings", settings::shown(*settings)},
      {"jobs", std::move(jobs)},
      {"collections", std::move(collections)},
      {"backup", saved.made_at ? json::value(rfc3339(*saved.made_at)) : json::value()}};
}

}  // namespace holdfast
