#include "gc_admin.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "codec/json.hpp"
#include "gc/work.hpp"

namespace holdfast::admin {

namespace json = boost::json;

namespace {

constexpr std::string_view kCommandInvalid = "command_invalid";
constexpr std::chrono::milliseconds kStep{1500};

json::object shown(const gc::Totals& totals) {
  return {{"manifests", totals.manifests}, {"links", totals.links},
          {"blobs", totals.blobs},         {"files", totals.files},
          {"bytes", totals.size_bytes},    {"summary", gc::summary(totals)}};
}

json::object shown(const gc::RunRow& run) {
  json::object object = shown(run.totals);
  object["scope"] = gc::name(run.scope);
  object["phase"] = gc::name(run.phase);
  object["started_at"] = rfc3339(run.started_at);
  object["seen_at"] = rfc3339(run.seen_at);
  object["running"] = !run.ended;
  return object;
}

Result<json::value> begin(Core& core, const json::value& command) {
  const std::string_view wanted = codec::string_member(command, "scope").value_or("all");
  const auto scope = gc::scope_of(wanted);
  if (!scope) {
    return fail(ErrorCode::invalid, kCommandInvalid, fmt::format("there is no scope {}", wanted));
  }
  const json::value* full = codec::member(command, "full");
  const bool anew = full != nullptr && full->is_bool() && full->get_bool();
  HF_TRY(const std::string run,
         core.collector.begin(*scope, anew ? gc::Search::anew : gc::Search::when_due));
  return json::value(json::object{{"run", run}});
}

Result<json::value> step(Core& core, std::string_view run) {
  HF_TRY(const gc::Progress progress, core.collector.step(run, kStep));
  json::object object = shown(progress.totals);
  object["phase"] = gc::name(progress.phase);
  object["done"] = progress.phase == gc::Phase::done;
  return json::value(std::move(object));
}

Result<json::value> status(Core& core) {
  HF_TRY(const gc::Status status, core.collector.status());
  HF_TRY(const auto settings, core.settings.load());
  json::array runs;
  for (const gc::RunRow& run : status.runs) runs.emplace_back(shown(run));
  const bool running = !status.runs.empty() && !status.runs.front().ended;
  return json::value(json::object{
      {"running", running},
      {"runs", std::move(runs)},
      {"waiting", {{"manifests", status.waiting.manifests}, {"blobs", status.waiting.blobs}}},
      {"searched_at", status.cursors.manifests_done_at == 0
                          ? json::value()
                          : json::value(rfc3339(from_micros(status.cursors.manifests_done_at)))},
      {"settings",
       {{"gcUntaggedGrace", settings->gc_untagged_grace},
        {"gcBlobGrace", settings->gc_blob_grace}}}});
}

Result<json::value> explain(Core& core, std::string_view text) {
  HF_TRY(const oci::Digest digest, oci::Digest::parse(text));
  HF_TRY(const std::vector<std::string> lines, core.collector.explain(digest));
  json::array kept;
  for (const std::string& line : lines) kept.emplace_back(line);
  return json::value(json::object{{"digest", digest.text()}, {"kept", std::move(kept)}});
}

}  // namespace

Result<json::value> execute_gc(Core& core, std::string_view verb, const json::value& command) {
  const std::string_view run = codec::string_member(command, "run").value_or("");
  if (verb == "gc.begin") return begin(core, command);
  if (verb == "gc.step") return step(core, run);
  if (verb == "gc.end") {
    HF_CHECK(core.collector.end(run));
    return json::value();
  }
  if (verb == "gc.status") return status(core);
  if (verb == "gc.explain") {
    return explain(core, codec::string_member(command, "digest").value_or(""));
  }
  return fail(ErrorCode::invalid, kCommandInvalid, fmt::format("there is no command \"{}\"", verb));
}

}  // namespace holdfast::admin
