#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "codec/text.hpp"
#include "data_folder.hpp"
#include "scan/advisories.hpp"
#include "scan/archive.hpp"
#include "scan/findings.hpp"
#include "scan/progress.hpp"
#include "scan/registry.hpp"
#include "scan/verbs.hpp"
#include "scanner/image.hpp"
#include "scanning.hpp"
#include "server.hpp"

namespace holdfast::scan {

namespace {

using scanner::LayerState;

constexpr std::chrono::minutes kLayerDeadline{30};
constexpr std::uint64_t kAnswerBytes = 128ULL << 20U;

enum class Format { table, json, sarif };

struct Wanted {
  std::string target;
  std::string image;
  oci::Platform platform;
  Format format = Format::table;
  std::optional<Threshold> fail_on;
  Only only = Only::all;
  std::string output;
};

Result<Wanted> wanted(const client::Invocation& invocation) {
  Wanted made;
  made.target = invocation.values.at("target");
  made.image = invocation.flag("image");
  HF_TRY(made.platform, parse_platform(invocation.flag("platform", "linux/amd64")));
  const std::string format = invocation.flag("format", invocation.has("json") ? "json" : "table");
  if (format == "json") {
    made.format = Format::json;
  } else if (format == "sarif") {
    made.format = Format::sarif;
  } else if (format != "table") {
    return fail(ErrorCode::invalid, client::kUsage,
                fmt::format("--format is table, json or sarif, not \"{}\"", format));
  }
  if (invocation.has("fail-on")) {
    HF_TRY(made.fail_on, parse_threshold(invocation.flag("fail-on")));
  }
  if (invocation.has("only-fixed")) made.only = Only::fixed;
  made.output = invocation.flag("output");
  return made;
}

Result<Advisories> chosen_advisories(const client::Invocation& invocation,
                                     worker::Launcher& launcher, Progress& progress) {
  std::string path = invocation.flag("advisories");
  const std::string folder = invocation.flag("data-dir");
  if (path.empty() && folder.empty()) {
    const char* variable = std::getenv("HOLDFAST_ADVISORIES");
    path = variable == nullptr ? "" : variable;
  }
  if (!path.empty()) {
    return open_advisories(path, launcher, [&](std::string_view what) { progress.show(what); });
  }
  return folder.empty() ? Result<Advisories>(Advisories()) : advisories_of(folder);
}

bool is_path(const std::string& target) {
  std::error_code ignored;
  return target.starts_with('/') || target.starts_with("./") || target.starts_with("../") ||
         target == "." || target == ".." || std::filesystem::exists(target, ignored);
}

LayerState state_of(const Layer& layer) {
  if (!layer.is_there) return LayerState::foreign;
  if (layer.media_type.contains("+encrypted")) return LayerState::encrypted;
  return layer.media_type.contains("tar") ? LayerState::scanned : LayerState::no_archive;
}

// One layer through the worker. Its bytes are read to their end, where their digest is compared.
Result<packages::Layer> read_layer(const Layer& layer, worker::Launcher& launcher,
                                   const std::function<void(std::uint64_t)>& told) {
  worker::Source last;
  std::uint64_t bytes = 0;
  const auto open = [&]() -> Result<worker::Source> {
    last = {};  // the reading before lets go of its connection
    HF_TRY(worker::Source source, layer.open());
    last = [source = std::move(source), &bytes, &told](std::span<std::byte> into) {
      Result<std::size_t> got = source(into);
      if (got) told(bytes += *got);
      return got;
    };
    return last;
  };
  HF_TRY(packages::Layer report,
         launcher.read_layer(open, {.deadline = kLayerDeadline, .answer_bytes = kAnswerBytes}));
  std::vector<std::byte> piece(64UZ << 10U);
  for (bool more = true; more;) {
    HF_TRY(const std::size_t got, last(piece));
    more = got > 0;
  }
  if (!layer.diff_id.empty() && report.diff_id != layer.diff_id) {
    return fail(ErrorCode::corrupt, kTargetBroken,
                fmt::format("the bytes of {} have another digest", layer.diff_id));
  }
  return report;
}

struct Read {
  std::vector<oci::Digest> digests;
  std::vector<std::optional<scanner::StoredLayer>> layers;  // all are there, as join() takes them
  std::vector<std::string> remarks;
};

Result<Read> read_layers(const Target& target, worker::Launcher& launcher, Progress& progress) {
  Read read;
  for (std::size_t i = 0; i < target.layers.size(); ++i) {
    const Layer& layer = target.layers[i];
    scanner::StoredLayer made{.state = state_of(layer)};
    if (made.state == LayerState::scanned) {
      auto report = read_layer(layer, launcher, [&](std::uint64_t bytes) {
        progress.show(fmt::format("layer {} of {}, {}", i + 1, target.layers.size(),
                                  codec::size_text(static_cast<double>(bytes))));
      });
      if (!report) {
        Error error = std::move(report).error();
        if (layer.digest) {
          error.message = fmt::format("layer {}: {}", layer.digest->text(), error.message);
        }
        return error;
      }
      made.report = *std::move(report);
    }
    const auto digest =
        layer.digest ? Result<oci::Digest>(*layer.digest) : oci::Digest::parse(made.report.diff_id);
    if (!digest) return digest.error();
    const std::string name = layer.digest ? "layer " + digest->text() + ": " : "";
    for (const std::string& remark : made.report.remarks) read.remarks.push_back(name + remark);
    if (made.state == LayerState::foreign) {
      read.remarks.push_back(name + "it lies at its vendor's and not with the image");
    } else if (made.state == LayerState::encrypted) {
      read.remarks.push_back(name + "it is encrypted");
    }
    read.digests.push_back(*digest);
    read.layers.emplace_back(std::move(made));
  }
  for (std::string& remark : target.remarks()) read.remarks.push_back(std::move(remark));
  return read;
}

Result<Scanned> scanned(const Wanted& wanted, const Target& target, Advisories& advisories,
                        worker::Launcher& launcher, Progress& progress) {
  HF_TRY(Read read, read_layers(target, launcher, progress));
  if (read.digests.empty()) {
    return fail(ErrorCode::unsupported, kTargetUnsupported, "the image has no layers");
  }
  std::vector<const packages::Layer*> pointers;
  pointers.reserve(read.layers.size());
  for (const auto& layer : read.layers) {
    if (layer) pointers.push_back(&layer->report);
  }
  HF_TRY(const scanner::Image image, scanner::assemble(pointers));
  HF_TRY(scanner::ImageReport report,
         scanner::join(target.digest ? *target.digest : read.digests.back(), image, read.digests,
                       read.layers, advisories.database.get()));
  Scanned made{.target = wanted.target,
               .os = target.os,
               .architecture = target.architecture,
               .report = std::move(report)};
  if (advisories.database) made.advisories = advisories.database->info();
  made.remarks = std::move(read.remarks);
  return made;
}

Result<void> print(const Wanted& wanted, const Scanned& scanned,
                   const std::vector<Finding>& findings) {
  const bool to_terminal = wanted.output.empty() && ::isatty(STDOUT_FILENO) == 1;
  std::string text;
  switch (wanted.format) {
    case Format::table:
      text = as_table(scanned, findings, {.bold_head = to_terminal});
      break;
    case Format::json:
      text = as_json(scanned, findings);
      break;
    case Format::sarif:
      text = as_sarif(scanned, findings, version());
      break;
  }
  if (!wanted.output.empty()) return write_atomically(wanted.output, text, 0644);
  fmt::print("{}", text);
  return {};
}

}  // namespace

Result<void> scan(const client::Invocation& invocation) {
  HF_TRY(const Wanted want, wanted(invocation));
  worker::Launcher launcher(scan_worker_path());
  Progress progress;
  HF_TRY(Advisories advisories, chosen_advisories(invocation, launcher, progress));
  if (!advisories.database && want.fail_on) {
    return fail(ErrorCode::unavailable, kNothingToCompare,
                "--fail-on needs advisories: without them nothing can be found. Give some by "
                "--advisories or HOLDFAST_ADVISORIES");
  }
  HF_TRY(const Target target, is_path(want.target)
                                  ? open_path(want.target, want.image, want.platform)
                                  : open_reference(want.target, invocation, want.platform));
  HF_TRY(const Scanned result, scanned(want, target, advisories, launcher, progress));
  progress.clear();
  const std::vector<Finding> findings = findings_of(result.report, want.only);
  HF_CHECK(print(want, result, findings));
  if (!want.fail_on) return {};
  const std::size_t count = at_or_above(findings, *want.fail_on);
  if (count == 0) return {};
  return fail(ErrorCode::denied, kFound,
              fmt::format("{} finding{} at --fail-on {}", count, count == 1 ? "" : "s",
                          invocation.flag("fail-on")));
}

}  // namespace holdfast::scan
