// `holdfast verify`: are the stored bytes still what they were?
#include <chrono>
#include <cstdio>
#include <fmt/format.h>
#include <memory>
#include <unistd.h>

#include "blob/fs/fs.hpp"
#include "cli_parts.hpp"
#include "codec/text.hpp"
#include "data_folder.hpp"
#include "metadata.hpp"
#include "verify.hpp"

namespace holdfast {

namespace {

std::string counts(const Verified& verified) {
  return fmt::format("{} blobs and {} manifests, {}", verified.blobs, verified.manifests,
                     codec::size_text(static_cast<double>(verified.size_bytes)));
}

// On a terminal, five times a second.
class Progress {
 public:
  void show(const Verified& verified) {
    const auto now = std::chrono::steady_clock::now();
    if (!terminal_ || now - shown_ < std::chrono::milliseconds(200)) return;
    shown_ = now;
    fmt::print(stderr, "\r\x1b[K{} …", counts(verified));
  }
  ~Progress() {
    if (terminal_) std::fputs("\r\x1b[K", stderr);
  }
  Progress() = default;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  std::chrono::steady_clock::time_point shown_;
};

class VerifyVerb {
 public:
  explicit VerifyVerb(CLI::App& root)
      : verb_(root.add_subcommand(
            "verify", "Read everything that is stored and compare it with its digest")) {
    verb_->footer(
        "Changes nothing and may run beside the server. Prints what is spoiled, with the\n"
        "repositories that hold it, and ends with 1 when there is something.");
    folder_.add_to(*verb_);
  }

  std::optional<int> run() {
    if (!verb_->parsed()) return std::nullopt;
    const Configured configured = folder_.configured(*verb_);
    if (!configured.problems.empty()) return report(configured.problems);
    const auto verified = execute(configured.options);
    if (!verified) return failed(verified.error().message);
    return print(*verified);
  }

 private:
  static Result<Verified> execute(const Options& options) {
    HF_TRY(const DataFolder folder, DataFolder::look_into(options.data_dir));
    HF_TRY(const auto database, open_metadata(folder, options.core.metadata));
    HF_TRY(const auto blobs, blob::fs::open(folder.path()));
    Progress progress;
    return verify_content(*database, *blobs,
                          [&](const Verified& verified) { progress.show(verified); });
  }

  static int print(const Verified& verified) {
    if (verified.spoiled.empty()) {
      fmt::print("Checked {}: all are whole.\n", counts(verified));
      return kDone;
    }
    std::vector<std::vector<std::string>> rows = {{"SPOILED", "HELD BY", "WHY"}};
    for (const Spoiled& item : verified.spoiled) rows.push_back({item.what, item.where, item.why});
    print_table(rows);
    fmt::print(
        "\nChecked {}: {} spoiled. Restore from a backup, or push the images again after\n"
        "deleting them.\n",
        counts(verified), verified.spoiled.size());
    return kFailed;
  }

  CLI::App* verb_;
  FolderFlags folder_;
};

}  // namespace

Verbs verify_verb(CLI::App& root) {
  const auto verb = std::make_shared<VerifyVerb>(root);
  return [verb] { return verb->run(); };
}

}  // namespace holdfast
