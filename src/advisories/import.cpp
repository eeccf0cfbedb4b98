#include "advisories/import.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <unistd.h>
#include <utility>

#include "advisories/ecosystems.hpp"
#include "advisories/format.hpp"
#include "advisories/ratings.hpp"
#include "advisories/sqlite.hpp"
#include "codec/json.hpp"
#include "codec/text.hpp"
#include "crypto/hash.hpp"

namespace holdfast::advisories {

namespace {

constexpr std::size_t kReasons = 5;
constexpr std::string_view kNoSource = "other";
constexpr std::size_t kVersionLetters = 16;

struct SourceCount {
  Source source;
  std::vector<std::string> reasons;
};

Result<void> sync_path(const std::string& path, int flags) {
  const int file = ::open(path.c_str(), flags | O_CLOEXEC);
  const bool is_synced = file >= 0 && ::fsync(file) == 0;
  const int error = errno;
  if (file >= 0) ::close(file);
  if (is_synced) return {};
  return fail(error == ENOSPC ? ErrorCode::no_space : ErrorCode::unavailable, kAdvisoriesBroken,
              fmt::format("{} cannot be synced: {}", path, std::strerror(error)));
}

class Builder final : public Import {
 public:
  Builder(std::string path, std::string base, const Clock& clock)
      : path_(std::move(path)), base_(std::move(base)), clock_(clock) {}
  ~Builder() override {
    if (!is_finished_) ::unlink(path_.c_str());
  }
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  Result<void> start() {
    HF_TRY(file_, File::create(path_));
    HF_CHECK(file_->run(std::string(kTables)));
    if (!base_.empty()) HF_CHECK(read_base());
    HF_CHECK(file_->run("BEGIN"));
    HF_TRY(record_,
           file_->prepare(
               "INSERT INTO records (name, ids, mends, summary, details, rating, vector, urls, "
               "source) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"));
    HF_TRY(name_, file_->prepare("INSERT OR IGNORE INTO names (name, record) VALUES (?, ?)"));
    HF_TRY(affected_, file_->prepare("INSERT INTO affected (package, release, record, affected) "
                                     "VALUES (?, ?, ?, ?)"));
    return {};
  }

  Result<void> add(std::string_view source, std::string_view bytes) override {
    hasher_.update(std::as_bytes(std::span(bytes)));
    if (bytes.size() > kRecordBytes) {
      reject(count_of(source), "a record is too large");
      return {};
    }
    auto record = parse_record(bytes);
    if (!record) {
      reject(count_of(source), record.error().message);
      return {};
    }
    const std::string name = source.empty() ? source_of(*record) : std::string(source);
    SourceCount& count = count_of(name);
    if (record->is_withdrawn) {
      ++count.source.withdrawn;
      return {};
    }
    const Timestamp modified = record->modified.value_or(Timestamp{});
    if (modified <= clock_.now()) newest_ = std::max(newest_, modified);
    return store(*record, name);
  }

  Result<void> add_exploited(std::string_view bytes) override {
    hasher_.update(std::as_bytes(std::span(bytes)));
    auto parsed = codec::parse_json(bytes, 16);
    const boost::json::value* list = parsed ? codec::member(*parsed, "vulnerabilities") : nullptr;
    if (list == nullptr || !list->is_array()) {
      return fail(ErrorCode::invalid, kRecordInvalid,
                  "the list of exploited vulnerabilities has no \"vulnerabilities\"");
    }
    std::set<std::string> cves;
    for (const boost::json::value& one : list->get_array()) {
      if (const auto id = codec::string_member(one, "cveID")) cves.insert(codec::to_text(*id, 64));
    }
    if (cves.empty()) return fail(ErrorCode::invalid, kImportEmpty, "the list names no CVE");
    added_ += std::ssize(cves);
    ratings_.exploited(std::move(cves));
    return {};
  }

  Result<void> add_ratings(std::string_view bytes) override {
    hasher_.update(std::as_bytes(std::span(bytes)));
    std::vector<std::string_view> header;
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      const std::vector<std::string_view> fields = columns(bytes.substr(0, end));
      bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
      if (header.empty()) {
        header = fields;
        if (std::ranges::find(header, "cve") == header.end()) {
          return fail(ErrorCode::invalid, kRecordInvalid, "the ratings have no column \"cve\"");
        }
        continue;
      }
      rate_row(header, fields);
    }
    return {};
  }

  void rate(const std::string& cve, const std::string& vector) override {
    hasher_.update(std::as_bytes(std::span(cve)));
    hasher_.update(std::as_bytes(std::span(vector)));
    ++added_;
    ratings_.stated(cve, vector, std::nullopt);
  }

  Result<std::int64_t> part(const std::function<Result<void>()>& add) override {
    HF_TRY(Statement last, file_->prepare("SELECT COALESCE(max(id), 0) FROM main.records"));
    HF_TRY(const bool found, last.step());
    const std::int64_t record = found ? last.integer(0) : 0;
    last.reset();
    const auto before = std::tuple(sources_, ecosystems_, newest_, added_);
    ratings_.mark();
    Result<void> outcome = add();
    for (const auto& [name, count] : sources_) {
      if (outcome) outcome = accept(count);
    }
    const std::int64_t added = added_ - std::get<3>(before);
    if (outcome && added == 0) outcome = nothing();
    if (outcome) return added;
    std::tie(sources_, ecosystems_, newest_, added_) = before;
    ratings_.undo();
    // It is written without a journal.
    for (const std::string_view sql :
         {"DELETE FROM main.records WHERE id > ?", "DELETE FROM main.names WHERE record > ?",
          "DELETE FROM main.affected WHERE record > ?"}) {
      HF_TRY(Statement gone, file_->prepare(sql));
      gone.bind(1, record);
      HF_CHECK(gone.run());
    }
    return outcome.error();
  }

  Result<Info> finish() override {
    Info info{.built_at = clock_.now(), .newest_at = newest_};
    for (const auto& [name, count] : sources_) {
      HF_CHECK(accept(count));
      info.sources.push_back(count.source);
    }
    for (const Source& source : base_sources_) {
      if (!sources_.contains(source.name)) info.sources.push_back(source);
    }
    for (const Source& source : info.sources) {
      info.records += source.records - source.withdrawn - source.rejected;
    }
    if (added_ == 0) return nothing();
    if (info.records == 0) {
      return fail(ErrorCode::invalid, kImportEmpty,
                  "there is no advisory in it, and none before that its ratings could be of");
    }
    info.rated = ratings_.count();
    info.exploited = ratings_.exploited_count();
    info.version = codec::hex(hasher_.digest()).substr(0, kVersionLetters);
    HF_CHECK(ratings_.write(*file_));
    HF_CHECK(store_info(info));
    if (!base_.empty()) HF_CHECK(keep_base());
    HF_CHECK(file_->run("COMMIT"));
    HF_CHECK(file_->run(std::string(kIndexes)));
    record_ = {};
    name_ = {};
    affected_ = {};
    file_.reset();
    HF_CHECK(sync_path(path_, O_RDONLY));
    HF_CHECK(
        sync_path(std::filesystem::path(path_).parent_path().string(), O_RDONLY | O_DIRECTORY));
    is_finished_ = true;
    return info;
  }

 private:
  // What is known of the database before, but for its records.
  Result<void> read_base() {
    HF_CHECK(file_->run("PRAGMA locking_mode = NORMAL"));
    HF_TRY(Statement attach, file_->prepare("ATTACH ? AS base"));
    const std::string uri = immutable_uri(base_);
    attach.bind(1, uri);
    HF_CHECK(attach.run());
    HF_TRY(Statement info, file_->prepare("SELECT version, newest_at FROM base.info "
                                          "WHERE format = ?"));
    info.bind(1, kFormat);
    HF_TRY(const bool found, info.step());
    if (!found) {
      return fail(ErrorCode::corrupt, kAdvisoriesBroken,
                  "the advisories before are of another format");
    }
    hasher_.update(std::as_bytes(std::span(info.text(0))));
    newest_ = from_micros(info.integer(1));
    info.reset();
    HF_TRY(Statement source,
           file_->prepare("SELECT name, records, withdrawn, rejected FROM base.sources"));
    while (true) {
      HF_TRY(const bool more, source.step());
      if (!more) break;
      base_sources_.push_back(
          {std::string(source.text(0)), source.integer(1), source.integer(2), source.integer(3)});
    }
    return ratings_.read_base(*file_);
  }

  Result<void> keep_base() {
    HF_CHECK(file_->run("CREATE TEMP TABLE replaced (name TEXT PRIMARY KEY)"));
    HF_TRY(Statement replaced, file_->prepare("INSERT INTO temp.replaced (name) VALUES (?)"));
    for (const auto& [name, count] : sources_) {
      replaced.bind(1, name);
      HF_CHECK(replaced.run());
    }
    HF_TRY(Statement last, file_->prepare("SELECT COALESCE(max(id), 0) FROM main.records"));
    HF_TRY(const bool found, last.step());
    const std::int64_t offset = found ? last.integer(0) : 0;
    last.reset();
    for (const std::string_view sql : kKeep) {
      HF_TRY(Statement keep, file_->prepare(sql));
      keep.bind(1, offset);
      HF_CHECK(keep.run());
    }
    return {};
  }

  // One more record of a source.
  SourceCount& count_of(std::string_view source) {
    const std::string name(source.empty() ? kNoSource : source);
    SourceCount& count = sources_[name];
    count.source.name = name;
    ++count.source.records;
    ++added_;
    return count;
  }
  static std::string source_of(const Record& record) {
    if (record.packages.empty()) return {};
    return std::string(split_ecosystem(record.packages.front().ecosystem).family);
  }

  static void reject(SourceCount& count, std::string reason) {
    ++count.source.rejected;
    if (count.reasons.size() < kReasons) count.reasons.push_back(std::move(reason));
  }

  static Error nothing() {
    return fail(ErrorCode::invalid, kImportEmpty, "there is no advisory in it");
  }

  static Result<void> accept(const SourceCount& count) {
    if (count.source.rejected * 10 <= count.source.records) return {};
    return fail(
        ErrorCode::invalid, kRecordInvalid,
        fmt::format("{} of {} records of {} cannot be read: {}", count.source.rejected,
                    count.source.records, count.source.name, fmt::join(count.reasons, "; ")));
  }

  static std::vector<std::string_view> columns(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    std::vector<std::string_view> fields;
    while (true) {
      const std::size_t tab = line.find('\t');
      fields.push_back(line.substr(0, tab));
      if (tab == std::string_view::npos) return fields;
      line.remove_prefix(tab + 1);
    }
  }

  void rate_row(const std::vector<std::string_view>& header,
                const std::vector<std::string_view>& fields) {
    std::map<std::string_view, std::string_view> row;
    for (std::size_t i = 0; i < std::min(header.size(), fields.size()); ++i) {
      row[header[i]] = fields[i];
    }
    if (!row["cve"].starts_with("CVE-")) return;
    std::string vector;
    for (const std::string_view column : {"cvss_v3", "cvss_v4"}) {
      if (vector.empty() && cvss::score(row[column])) vector = row[column];
    }
    ++added_;
    ratings_.stated(codec::to_text(row["cve"], 64), vector,
                    severity_of(row["almalinux_min_severity"]));
  }

  // What a record says of a CVE serves those that say nothing themselves.
  void remember(const Record& record) {
    if (record.vector.empty() && !record.rating) return;
    const auto add = [&](const std::string& name) {
      if (name.starts_with("CVE-")) ratings_.of_record(name, record.vector, record.rating);
    };
    add(record.id);
    for (const std::string& alias : record.aliases) add(alias);
    // An update that mends several is rated by the worst of them.
    if (record.mends.size() == 1) add(record.mends.front());
  }

  Result<void> store(const Record& record, const std::string& source) {
    if (record.packages.empty()) return {};
    remember(record);
    const std::string ids = joined(record.aliases);
    const std::string mends = joined(record.mends);
    const std::string urls = joined(record.urls);
    record_.bind(1, record.id)
        .bind(2, ids)
        .bind(3, mends)
        .bind(4, record.summary)
        .bind(5, record.details);
    if (record.rating) {
      record_.bind(6, static_cast<std::int64_t>(*record.rating));
    } else {
      record_.bind_null(6);
    }
    record_.bind(7, record.vector).bind(8, urls).bind(9, source);
    HF_CHECK(record_.run());
    const std::int64_t id = file_->last_id();
    HF_CHECK(store_name(record.id, id));
    for (const std::string& alias : record.aliases) HF_CHECK(store_name(alias, id));
    for (const std::string& mended : record.mends) HF_CHECK(store_name(mended, id));
    for (const Record::Package& package : record.packages) HF_CHECK(store(package, id, source));
    return {};
  }

  Result<void> store_name(const std::string& name, std::int64_t record) {
    name_.bind(1, name).bind(2, record);
    return name_.run();
  }

  Result<void> store(const Record::Package& package, std::int64_t record,
                     const std::string& source) {
    const auto [family, release] = split_ecosystem(package.ecosystem);
    ecosystems_.emplace(source, family, release);
    const std::string key = package_key(family, lookup_name(family, package.name));
    const std::string packed = pack(package.affected);
    affected_.bind(1, key).bind(2, release).bind(3, record).bind(4, packed);
    return affected_.run();
  }

  Result<void> store_info(const Info& info) {
    HF_TRY(Statement row, file_->prepare("INSERT INTO ecosystems (source, family, release) "
                                         "VALUES (?, ?, ?)"));
    for (const auto& [name, family, release] : ecosystems_) {
      row.bind(1, name).bind(2, family).bind(3, release);
      HF_CHECK(row.run());
    }
    HF_TRY(Statement source, file_->prepare("INSERT INTO sources (name, records, withdrawn, "
                                            "rejected) VALUES (?, ?, ?, ?)"));
    for (const Source& one : info.sources) {
      if (!sources_.contains(one.name)) continue;  // taken over
      source.bind(1, one.name).bind(2, one.records).bind(3, one.withdrawn).bind(4, one.rejected);
      HF_CHECK(source.run());
    }
    HF_TRY(Statement fact, file_->prepare("INSERT INTO info (format, version, built_at, newest_at, "
                                          "records, rated, exploited) "
                                          "VALUES (?, ?, ?, ?, ?, ?, ?)"));
    fact.bind(1, kFormat).bind(2, info.version).bind(3, to_micros(info.built_at));
    fact.bind(4, to_micros(info.newest_at)).bind(5, info.records);
    fact.bind(6, info.rated).bind(7, info.exploited);
    return fact.run();
  }

  const std::string path_;
  const std::string base_;
  const Clock& clock_;
  std::vector<Source> base_sources_;
  bool is_finished_ = false;
  std::unique_ptr<File> file_;
  Statement record_;
  Statement name_;
  Statement affected_;
  std::map<std::string, SourceCount> sources_;
  std::set<std::tuple<std::string, std::string, std::string>>
      ecosystems_;  // source, family, release
  Ratings ratings_;
  std::int64_t added_ = 0;  // records, ratings and names of the exploited
  Timestamp newest_{};
  crypto::Hasher hasher_{crypto::HashAlgorithm::sha256};
};

}  // namespace

Result<std::unique_ptr<Import>> Import::begin(const std::string& path, const std::string& base,
                                              const Clock& clock) {
  auto builder = std::make_unique<Builder>(path, base, clock);
  HF_CHECK(builder->start());
  return std::unique_ptr<Import>(std::move(builder));
}

}  // namespace holdfast::advisories
