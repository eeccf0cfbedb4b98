// `holdfast backup` and `holdfast restore`.
#include <fmt/format.h>
#include <memory>

#include "backup.hpp"
#include "cli_parts.hpp"
#include "codec/text.hpp"

namespace holdfast {

namespace {

class BackupVerbs {
 public:
  explicit BackupVerbs(CLI::App& root)
      : backup_(root.add_subcommand("backup", "Save all metadata into one file, beside a server")),
        restore_(root.add_subcommand("restore", "Make a new data folder from a backup")) {
    backup_->add_option("file", file_, "The file to make")->required();
    backup_->footer(
        "One snapshot of users, organizations, repositories, tags, tokens, settings and events,\n"
        "from either engine, into a SQLite file. Keep with it, but not beside it, secret.key of "
        "the\n"
        "data folder; copy the folder's blobs after it.");
    restore_->add_option("file", file_, "The backup")->required();
    restore_->add_option("--key", key_, "secret.key of the data folder that was saved")->required();
    restore_->footer(
        "Into a folder that holds no registry, or with database.url into an empty PostgreSQL\n"
        "database. Then put the blobs back and run holdfast verify.");
    folder_.add_to(*backup_);
    folder_.add_to(*restore_);
  }

  std::optional<int> run() {
    const CLI::App* verb = backup_->parsed() ? backup_ : restore_->parsed() ? restore_ : nullptr;
    if (verb == nullptr) return std::nullopt;
    const Configured configured = folder_.configured(*verb);
    if (!configured.problems.empty()) return report(configured.problems);
    const Result<void> outcome =
        verb == backup_ ? save(configured.options) : restore(configured.options);
    return outcome ? kDone : failed(outcome.error().message);
  }

 private:
  Result<void> save(const Options& options) {
    HF_TRY(const std::uint64_t size, make_backup(options, file_));
    fmt::print("Saved into {}, {}. It is of no use without secret.key.\n", file_,
               codec::size_text(static_cast<double>(size)));
    return {};
  }
  Result<void> restore(const Options& options) {
    HF_CHECK(restore_backup(options, file_, key_));
    fmt::print("Restored. Put the blobs back into {}/blobs and run holdfast verify.\n",
               options.data_dir);
    return {};
  }

  FolderFlags folder_;
  std::string file_;
  std::string key_;
  CLI::App* backup_;
  CLI::App* restore_;
};

}  // namespace

Verbs backup_verbs(CLI::App& root) {
  const auto verbs = std::make_shared<BackupVerbs>(root);
  return [verbs] { return verbs->run(); };
}

}  // namespace holdfast
