// `holdfast gc`: free what nothing keeps, beside a running server or without one; say why a thing
// is kept.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <memory>
#include <unistd.h>

#include "cli_parts.hpp"
#include "codec/json.hpp"
#include "control.hpp"

namespace holdfast {

namespace json = boost::json;

namespace {

std::string text_of(const json::value& value, std::string_view name) {
  return std::string(codec::string_member(value, name).value_or(""));
}

bool flag_of(const json::value& value, std::string_view name) {
  const json::value* found = codec::member(value, name);
  return found != nullptr && found->is_bool() && found->get_bool();
}

void print_status(const json::value& status) {
  std::vector<std::vector<std::string>> rows = {{"STARTED", "SCOPE", "STATE", "FREED"}};
  for (const json::value& run : status.at("runs").as_array()) {
    const std::string phase = text_of(run, "phase");
    std::string state = phase == "done" ? "done" : "stopped at " + phase;
    if (flag_of(run, "running")) state = "running: " + phase;
    rows.push_back({text_of(run, "started_at").substr(0, 19), text_of(run, "scope"), state,
                    text_of(run, "summary")});
  }
  if (rows.size() == 1) fmt::print("Garbage was never collected here.\n");
  if (rows.size() > 1) print_table(rows);
  fmt::print("Waiting to be looked at: {} manifests, {} blobs.\n",
             json::serialize(status.at("waiting").at("manifests")),
             json::serialize(status.at("waiting").at("blobs")));
}

class Gc {
 public:
  explicit Gc(CLI::App& root) {
    CLI::App* gc = root.add_subcommand(
        "gc",
        "Collect garbage, beside a running server or without one, and say why a thing is kept");
    gc->require_subcommand(1);
    run_ = verb(*gc, "run", "Remove what nothing keeps any more and free its bytes");
    run_->add_option("--scope", scope_, "all, metadata (manifests) or blobs")
        ->check(CLI::IsMember({"all", "metadata", "blobs"}));
    run_->add_flag("--full", full_, "Look through everything, as it is done every week");
    status_ = verb(*gc, "status", "What the last runs freed, and what waits");
    explain_ = verb(*gc, "explain", "Why a manifest or a blob is kept");
    explain_->add_option("digest", digest_, "Its digest: sha256:…")->required();
  }

  std::optional<int> run() {
    for (const CLI::App* app : {run_, status_, explain_}) {
      if (!app->parsed()) continue;
      const Configured configured = folder_.configured(*app);
      if (!configured.problems.empty()) return report(configured.problems);
      const Result<void> outcome = execute(configured.options, app);
      return outcome ? kDone : failed(outcome.error().message);
    }
    return std::nullopt;
  }

 private:
  CLI::App* verb(CLI::App& parent, const std::string& word, const std::string& help) {
    CLI::App* app = parent.add_subcommand(word, help);
    folder_.add_to(*app);
    app->add_flag("--json", json_, "Print JSON");
    return app;
  }

  Result<void> execute(const Options& options, const CLI::App* app) {
    if (app == run_) return collect(options);
    if (app == status_) {
      HF_TRY(const json::value status, control::run(options, json::object{{"verb", "gc.status"}}));
      if (json_) fmt::print("{}\n", json::serialize(status));
      if (!json_) print_status(status);
      return {};
    }
    HF_TRY(const json::value answer,
           control::run(options, json::object{{"verb", "gc.explain"}, {"digest", digest_}}));
    if (json_) fmt::print("{}\n", json::serialize(answer));
    if (json_) return {};
    for (const json::value& line : answer.at("kept").as_array()) {
      fmt::print("{}\n", std::string_view(line.as_string()));
    }
    return {};
  }

  Result<void> collect(const Options& options) {
    HF_TRY(const json::value begun,
           control::run(options,
                        json::object{{"verb", "gc.begin"}, {"scope", scope_}, {"full", full_}}));
    const std::string run = text_of(begun, "run");
    const Result<json::value> done = step_to_end(options, run);
    if (!done) {
      // So that the next one need not wait until this one counts as killed.
      (void)control::run(options, json::object{{"verb", "gc.end"}, {"run", run}});
      return done.error();
    }
    if (json_) fmt::print("{}\n", json::serialize(*done));
    if (!json_) fmt::print("{}.\n", text_of(*done, "summary"));
    return {};
  }

  static Result<json::value> step_to_end(const Options& options, const std::string& run) {
    const json::object command{{"verb", "gc.step"}, {"run", run}};
    const bool terminal = ::isatty(STDERR_FILENO) == 1;
    json::value now;
    do {
      HF_TRY(now, control::run(options, command));
      if (terminal) {
        fmt::print(stderr, "\r\x1b[K{}: {} …", text_of(now, "phase"), text_of(now, "summary"));
      }
    } while (!flag_of(now, "done"));
    if (terminal) std::fputs("\r\x1b[K", stderr);
    return now;
  }

  FolderFlags folder_;
  CLI::App* run_ = nullptr;
  CLI::App* status_ = nullptr;
  CLI::App* explain_ = nullptr;
  std::string scope_ = "all";
  std::string digest_;
  bool full_ = false;
  bool json_ = false;
};

}  // namespace

Verbs gc_verbs(CLI::App& root) {
  const auto gc = std::make_shared<Gc>(root);
  return [gc] { return gc->run(); };
}

}  // namespace holdfast
