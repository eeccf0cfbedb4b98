#include <boost/json/array.hpp>
#include <chrono>
#include <fmt/format.h>
#include <string>
#include <thread>

#include "client/layout.hpp"
#include "client/session.hpp"
#include "codec/json.hpp"
#include "codec/text.hpp"
#include "scan/advisories.hpp"
#include "scan/progress.hpp"
#include "scan/verbs.hpp"
#include "scanning.hpp"

namespace holdfast::scan {

namespace json = boost::json;

namespace {

using client::Invocation;
using client::Method;

constexpr std::chrono::milliseconds kAskEvery{300};

Result<void> build(const Invocation& invocation) {
  worker::Launcher launcher(scan_worker_path());
  Progress progress;
  HF_TRY(const advisories::Info info,
         build_advisories(invocation.values.at("out"), invocation.rest, invocation.flag("source"),
                          launcher, [&](std::string_view what) { progress.show(what); }));
  progress.clear();
  fmt::print("{} advisories of {} sources in {}\n", info.records, info.sources.size(),
             invocation.values.at("out"));
  return {};
}

// The job that imports it.
Result<std::string> upload(client::Session& session, const std::string& path,
                           const std::string& source, Progress& progress) {
  std::error_code problem;
  std::filesystem::path real = std::filesystem::canonical(path, problem);
  if (problem) real = path;
  HF_TRY(const worker::Source bytes, archive_source(real));
  std::uint64_t sent = 0;
  HF_TRY(const client::Answer answer,
         session.connection->put(
             "/api/v0/imagescan/scan/update?source=" + client::percent_encoded(source),
             client::basic(session.login.user, session.login.token),
             [&](std::span<std::byte> into) -> Result<std::size_t> {
               HF_TRY(const std::size_t got, bytes(into));
               sent += got;
               progress.show(
                   fmt::format("{}: {} sent", path, codec::size_text(static_cast<double>(sent))));
               return got;
             }));
  HF_TRY(const json::value said, session.read(answer));
  return std::string(codec::string_member(said, "job").value_or(""));
}

Result<void> follow(client::Session& session, const std::string& job, Progress& progress) {
  const std::string target = "/api/v0/jobs/" + client::percent_encoded(job);
  while (true) {
    HF_TRY(const json::value found, session.call(Method::get, target, {}));
    const auto status = codec::string_member(found, "status").value_or("");
    HF_TRY(const json::value state, session.call(Method::get, "/api/v0/imagescan/status", {}));
    if (status == "done") return {};
    if (status != "waiting" && status != "running") {
      const auto problem = codec::string_member(state, "problem").value_or("");
      return fail(ErrorCode::denied, client::kServerRefused,
                  fmt::format("they are not in force, the last good ones stay: {}",
                              problem.empty() ? fmt::format("job {} ended as {}", job, status)
                                              : client::harmless(problem)));
    }
    progress.show(client::harmless(codec::string_member(state, "progress").value_or(status)));
    std::this_thread::sleep_for(kAskEvery);
  }
}

void print_status(const json::value& status) {
  static const std::vector<client::Column> kCard = {
      {"VERSION", "db_version"}, {"IN FORCE SINCE", "db_updated_at", client::Form::time},
      {"ADVISORIES", "records"}, {"NEWEST", "newestRecordAt", client::Form::time},
      {"UNDER WAY", "progress"}, {"PROBLEM", "problem"}};
  const Timestamp now = SystemClock().now();
  fmt::print("{}", client::card(status, kCard, now));
  const json::value* sources = codec::member(status, "sources");
  if (sources == nullptr || !sources->is_array() || sources->get_array().empty()) return;
  fmt::print("\n{}", client::table(sources->get_array(),
                                   {{"SOURCE", "name"},
                                    {"RECORDS", "records"},
                                    {"WITHDRAWN", "withdrawn"},
                                    {"REJECTED", "rejected"}},
                                   now, {}));
}

Result<void> status(client::Session& session, const Invocation& invocation) {
  HF_TRY(const json::value state, session.call(Method::get, "/api/v0/imagescan/status", {}));
  if (invocation.has("json")) {
    fmt::print("{}\n", client::json_text(state));
  } else {
    print_status(state);
  }
  return {};
}

Result<void> import(client::Session& session, const Invocation& invocation) {
  Progress progress;
  for (const std::string& path : invocation.rest) {
    HF_TRY(const std::string job, upload(session, path, invocation.flag("source"), progress));
    auto done = follow(session, job, progress);
    progress.clear();
    if (!done) {
      done.error().message = fmt::format("{}: {}", path, done.error().message);
      return done;
    }
    if (!invocation.has("json")) fmt::print("{} is in force.\n", path);
  }
  return status(session, invocation);
}

}  // namespace

Result<void> advisories(const Invocation& invocation) {
  const std::string_view verb = invocation.command->verb;
  if (verb == "build") return build(invocation);
  HF_TRY(client::Session session, client::open_session(invocation));
  return verb == "import" ? import(session, invocation) : status(session, invocation);
}

}  // namespace holdfast::scan
