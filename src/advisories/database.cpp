#include "advisories/database.hpp"

#include <algorithm>
#include <condition_variable>
#include <fmt/format.h>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "advisories/ecosystems.hpp"
#include "advisories/format.hpp"
#include "advisories/ranges.hpp"
#include "advisories/sqlite.hpp"
#include "base/fill_cache.hpp"

namespace holdfast::advisories {

namespace {

constexpr std::size_t kConnections = 4;
constexpr std::size_t kAnswersInMemory = 100'000;
constexpr std::size_t kUrlsShown = 5;
constexpr std::size_t kAffectedShown = 2000;
constexpr std::size_t kRecordsShown = 500;  // merged under a name that is asked for

struct Rating {
  std::string vector;
  std::optional<cvss::Severity> rating;
  bool is_exploited = false;
};

struct RecordRow {
  std::int64_t id = 0;
  std::string name;
  std::vector<std::string> aliases;
  std::vector<std::string> mends;
  std::string summary;
  std::string details;
  std::optional<cvss::Severity> rating;
  std::string vector;
  std::vector<std::string> urls;
};

// A record that concerns the package, and the version that mends it.
struct Hit {
  RecordRow record;
  std::string fixed_version;
};

std::optional<cvss::Severity> severity_in(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return static_cast<cvss::Severity>(row.integer(column));
}

// One connection with its statements.
class Connection {
 public:
  static Result<std::unique_ptr<Connection>> open(const std::string& path) {
    auto connection = std::make_unique<Connection>();
    HF_TRY(connection->file_, File::open(path));
    const auto prepare = [&](std::optional<Statement>& into, std::string_view sql) -> Result<void> {
      HF_TRY(Statement statement, connection->file_->prepare(sql));
      into.emplace(std::move(statement));
      return {};
    };
    HF_CHECK(prepare(connection->affected_,
                     "SELECT release, record, affected FROM affected WHERE package = ?"));
    HF_CHECK(prepare(connection->record_,
                     "SELECT name, ids, mends, summary, details, rating, vector, urls "
                     "FROM records WHERE id = ?"));
    HF_CHECK(prepare(connection->rating_,
                     "SELECT vector, rating, exploited FROM ratings WHERE cve = ?"));
    HF_CHECK(prepare(connection->named_, "SELECT record FROM names WHERE name = ?"));
    HF_CHECK(prepare(connection->packages_,
                     "SELECT package, release, affected FROM affected WHERE record = ?"));
    return connection;
  }

  File& file() { return *file_; }

  struct AffectedRow {
    std::string release;
    std::int64_t record = 0;
    std::string affected;
  };
  Result<std::vector<AffectedRow>> affected(std::string_view package) {
    std::vector<AffectedRow> rows;
    affected_->bind(1, package);
    while (true) {
      HF_TRY(const bool more, affected_->step());
      if (!more) return rows;
      rows.push_back({std::string(affected_->text(0)), affected_->integer(1),
                      std::string(affected_->text(2))});
    }
  }

  Result<RecordRow> record(std::int64_t id) {
    record_->bind(1, id);
    HF_TRY(const bool found, record_->step());
    if (!found) return fail(ErrorCode::corrupt, kAdvisoriesBroken, "an advisory is missing");
    RecordRow row{.id = id,
                  .name = std::string(record_->text(0)),
                  .aliases = lines_of(record_->text(1)),
                  .mends = lines_of(record_->text(2)),
                  .summary = std::string(record_->text(3)),
                  .details = std::string(record_->text(4)),
                  .rating = severity_in(*record_, 5),
                  .vector = std::string(record_->text(6)),
                  .urls = lines_of(record_->text(7))};
    record_->reset();
    return row;
  }

  Result<Rating> rating(std::string_view cve) {
    rating_->bind(1, cve);
    HF_TRY(const bool found, rating_->step());
    if (!found) return Rating{};
    Rating row{std::string(rating_->text(0)), severity_in(*rating_, 1), rating_->integer(2) != 0};
    rating_->reset();
    return row;
  }

  Result<std::vector<std::int64_t>> named(std::string_view name) {
    std::vector<std::int64_t> ids;
    named_->bind(1, name);
    while (true) {
      HF_TRY(const bool more, named_->step());
      if (!more) return ids;
      ids.push_back(named_->integer(0));
    }
  }

  Result<void> packages(std::int64_t record, Advisory& into) {
    packages_->bind(1, record);
    while (true) {
      HF_TRY(const bool more, packages_->step());
      if (!more) return {};
      if (into.affected.size() >= kAffectedShown) continue;
      const std::string_view key = packages_->text(0);
      const std::size_t line = key.find('\n');
      Advisory::Affected one{.ecosystem = std::string(key.substr(0, line)),
                             .name = std::string(key.substr(line + 1))};
      if (!packages_->text(1).empty()) {
        one.ecosystem.append(":").append(packages_->text(1));
      }
      for (const auto& range : unpack(packages_->text(2)).ranges) {
        for (const Event& event : range) {
          if (event.kind == Event::Kind::fixed) one.fixed_version = event.version;
        }
      }
      into.affected.push_back(std::move(one));
    }
  }

 private:
  std::unique_ptr<File> file_;
  std::optional<Statement> affected_;
  std::optional<Statement> record_;
  std::optional<Statement> rating_;
  std::optional<Statement> named_;
  std::optional<Statement> packages_;
};

bool is_cve(std::string_view name) { return name.starts_with("CVE-"); }

// The page of a name for people.
std::string page_of(std::string_view name) {
  return is_cve(name) ? fmt::format("https://nvd.nist.gov/vuln/detail/{}", name)
                      : fmt::format("https://osv.dev/vulnerability/{}", name);
}

// Hits as vulnerabilities: those that share a name are one.
class Merger {
 public:
  explicit Merger(versions::Scheme scheme) : scheme_(scheme) {}

  void add(const Hit& hit) {
    if (hit.record.mends.empty()) {
      std::vector<std::string> names = hit.record.aliases;
      names.push_back(hit.record.name);
      add(hit, std::move(names), true);
      return;
    }
    for (const std::string& mended : hit.record.mends) {
      // What the update says of all together is a rating of each only when there is one.
      add(hit, {mended}, hit.record.mends.size() == 1);
    }
  }

  std::vector<Match> take(Connection& connection, Result<void>& outcome) {
    std::vector<Match> matches;
    for (Group& group : groups_) {
      if (group.names.empty()) continue;
      Result<Match> match = made(group, connection);
      if (!match) {
        outcome = match.error();
        return {};
      }
      matches.push_back(*std::move(match));
    }
    return matches;
  }

 private:
  struct Group {
    std::set<std::string> names{};   // of the vulnerability
    std::set<std::string> others{};  // records that mend it among others
    std::string summary{};
    std::string fixed_version{};
    std::optional<cvss::Severity> rating{};
    std::optional<cvss::Severity> shared_rating{};  // of an update that mends several
    std::string vector{};
    std::vector<std::string> urls{};
  };

  void add(const Hit& hit, std::vector<std::string> names, bool is_its_own) {
    Group group{.names = {names.begin(), names.end()},
                .summary = hit.record.summary,
                .fixed_version = hit.fixed_version,
                .vector = is_its_own ? hit.record.vector : "",
                .urls = hit.record.urls};
    (is_its_own ? group.rating : group.shared_rating) = hit.record.rating;
    if (!hit.record.mends.empty()) {
      group.others = {hit.record.aliases.begin(), hit.record.aliases.end()};
      group.others.insert(hit.record.name);
      group.others.erase(names.front());
    }
    for (const std::string& name : names) {
      const auto known = by_name_.find(name);
      if (known == by_name_.end()) continue;
      absorb(group, groups_[known->second]);
    }
    for (const std::string& name : group.names) by_name_[name] = groups_.size();
    groups_.push_back(std::move(group));
  }

  // What was said before goes first, but for the fix: only the highest mends all.
  void absorb(Group& into, Group& from) const {
    if (from.names.empty()) return;
    into.names.merge(from.names);
    into.others.merge(from.others);
    if (!from.summary.empty()) into.summary = from.summary;
    if (from.rating) into.rating = from.rating;
    if (from.shared_rating) into.shared_rating = from.shared_rating;
    if (!from.vector.empty()) into.vector = from.vector;
    if (!from.fixed_version.empty() &&
        (into.fixed_version.empty() ||
         versions::compare(scheme_, into.fixed_version, from.fixed_version) < 0)) {
      into.fixed_version = from.fixed_version;
    }
    into.urls.insert(into.urls.begin(), from.urls.begin(), from.urls.end());
    from = {};
  }

  static Result<Match> made(const Group& group, Connection& connection) {
    Match match{.summary = group.summary,
                .fixed_version = group.fixed_version,
                .severity = group.rating,
                .vector = group.vector};
    const auto cve = std::ranges::find_if(group.names, is_cve);
    match.id = cve == group.names.end() ? *group.names.begin() : *cve;
    match.ids = {match.id};
    for (const auto* names : {&group.names, &group.others}) {
      std::ranges::copy_if(*names, std::back_inserter(match.ids),
                           [&](const std::string& name) { return name != match.id; });
    }
    std::optional<cvss::Severity> from_others;
    for (const std::string& name : group.names) {
      if (!is_cve(name)) continue;
      HF_TRY(const Rating rating, connection.rating(name));
      match.is_exploited = match.is_exploited || rating.is_exploited;
      if (match.vector.empty()) match.vector = rating.vector;
      if (!from_others) from_others = rating.rating;
    }
    match.score = cvss::score(match.vector);
    if (!match.severity && match.score) match.severity = cvss::severity(match.score->tenths);
    if (!match.severity) match.severity = from_others;
    if (!match.severity) match.severity = group.shared_rating;
    match.urls.push_back(page_of(match.id));
    for (const std::string& url : group.urls) {
      const bool is_new = std::ranges::find(match.urls, url) == match.urls.end();
      if (is_new && match.urls.size() < kUrlsShown) match.urls.push_back(url);
    }
    return match;
  }

  const versions::Scheme scheme_;
  std::vector<Group> groups_;
  std::map<std::string, std::size_t> by_name_;
};

bool concerns(const Home& home, std::string_view release) {
  if (release.empty()) return true;
  if (std::ranges::find(home.releases, release) != home.releases.end()) return true;
  if (home.release_prefix.empty() || !release.starts_with(home.release_prefix)) return false;
  const std::string_view rest = release.substr(home.release_prefix.size());
  return rest.empty() || rest.front() == ':';
}

// Builds of module streams and others of one name are mended apart.
bool fits_module(const packages::Package& package, std::string_view fixed_version) {
  if (package.type != packages::Type::rpm || fixed_version.empty()) return true;
  const bool is_fix_of_module = fixed_version.contains(".module");
  return is_fix_of_module == (!package.module.empty() || package.version.contains(".module"));
}

class SqliteDatabase final : public Database {
 public:
  Result<void> open_file(const std::string& path) {
    // All at once: the file may be unlinked while it is used.
    for (std::size_t i = 0; i < kConnections; ++i) {
      HF_TRY(auto connection, Connection::open(path));
      idle_.push_back(std::move(connection));
    }
    return read_info(idle_.front()->file());
  }

  [[nodiscard]] const Info& info() const override { return info_; }

  Result<Answer> match(const packages::Package& package,
                       const packages::Release* release) override {
    if (!package.owner.empty()) return Answer{.coverage = Coverage::owned};
    const std::optional<Home> home = home_of(package, release);
    if (!home || !knows(*home)) return Answer{.coverage = Coverage::not_covered};
    const std::string key = key_of(package, *home);
    if (const auto known = answers_.find(key)) return **known;
    const auto ticket = answers_.ticket(key);
    Borrowed connection(*this);
    HF_TRY(Answer answer, looked_up(package, *home, *connection));
    answers_.insert(ticket, key, std::make_shared<const Answer>(answer), 1 + answer.matches.size());
    return answer;
  }

  Result<std::optional<Advisory>> find(std::string_view id) override {
    Borrowed connection(*this);
    HF_TRY(std::vector<RecordRow> rows, merged_under(id, *connection));
    if (rows.empty()) return std::optional<Advisory>();
    Merger merger(versions::Scheme::semver);
    Advisory advisory;
    for (RecordRow& row : rows) {
      if (advisory.details.empty()) advisory.details = row.details;
      HF_CHECK(connection->packages(row.id, advisory));
      // Of what an update mends, only the one that is asked for.
      if (std::ranges::find(row.mends, id) != row.mends.end() && row.mends.size() > 1) {
        row.mends = {std::string(id)};
        row.vector.clear();
      }
      merger.add({.record = std::move(row), .fixed_version = ""});
    }
    Result<void> outcome;
    std::vector<Match> matches = merger.take(*connection, outcome);
    HF_CHECK(outcome);
    const auto wanted = std::ranges::find_if(matches, [&](const Match& match) {
      return std::ranges::find(match.ids, id) != match.ids.end();
    });
    if (wanted == matches.end()) return std::optional<Advisory>();
    advisory.match = std::move(*wanted);
    return std::optional(std::move(advisory));
  }

 private:
  // A connection, for as long as it is needed.
  class Borrowed {
   public:
    explicit Borrowed(SqliteDatabase& database) : database_(database) {
      std::unique_lock lock(database_.mutex_);
      database_.returned_.wait(lock, [&] { return !database_.idle_.empty(); });
      connection_ = std::move(database_.idle_.back());
      database_.idle_.pop_back();
    }
    ~Borrowed() {
      {
        const std::lock_guard lock(database_.mutex_);
        database_.idle_.push_back(std::move(connection_));
      }
      database_.returned_.notify_one();
    }
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;
    Connection& operator*() { return *connection_; }
    Connection* operator->() { return connection_.get(); }

   private:
    SqliteDatabase& database_;
    std::unique_ptr<Connection> connection_;
  };

  // The records that have the name, and those that share another name of the same vulnerability
  // with them; in the order of their numbers.
  static Result<std::vector<RecordRow>> merged_under(std::string_view id, Connection& connection) {
    std::map<std::int64_t, RecordRow> rows;
    std::vector<std::string> names = {std::string(id)};
    std::set<std::string> seen = {std::string(id)};
    while (!names.empty()) {
      const std::string name = std::move(names.back());
      names.pop_back();
      HF_TRY(const auto named, connection.named(name));
      for (const std::int64_t number : named) {
        if (rows.contains(number) || rows.size() >= kRecordsShown) continue;
        HF_TRY(RecordRow row, connection.record(number));
        // An update's own name is not one of the vulnerability.
        if (row.mends.empty()) {
          std::vector<std::string> more = row.aliases;
          more.push_back(row.name);
          std::ranges::copy_if(more, std::back_inserter(names),
                               [&](const std::string& one) { return seen.insert(one).second; });
        }
        rows.emplace(number, std::move(row));
      }
    }
    std::vector<RecordRow> ordered;
    for (auto& [number, row] : rows) ordered.push_back(std::move(row));
    return ordered;
  }

  Result<void> read_info(File& file) {
    HF_TRY(Statement row,
           file.prepare("SELECT format, version, built_at, newest_at, records FROM info"));
    HF_TRY(const bool found, row.step());
    if (!found || row.integer(0) != kFormat) {
      return fail(ErrorCode::corrupt, kAdvisoriesBroken,
                  "it is no advisory database of a format that this build knows");
    }
    info_.version = row.text(1);
    info_.built_at = from_micros(row.integer(2));
    info_.newest_at = from_micros(row.integer(3));
    info_.records = row.integer(4);
    row.reset();
    HF_TRY(Statement sources,
           file.prepare("SELECT name, records, withdrawn, rejected FROM sources ORDER BY name"));
    while (true) {
      HF_TRY(const bool more, sources.step());
      if (!more) break;
      info_.sources.push_back({std::string(sources.text(0)), sources.integer(1), sources.integer(2),
                               sources.integer(3)});
    }
    HF_TRY(Statement ecosystems, file.prepare("SELECT family, release FROM ecosystems"));
    while (true) {
      HF_TRY(const bool more, ecosystems.step());
      if (!more) return {};
      ecosystems_[std::string(ecosystems.text(0))].emplace(ecosystems.text(1));
    }
  }

  bool knows(const Home& home) const {
    const auto family = ecosystems_.find(home.family);
    if (family == ecosystems_.end()) return false;
    if (home.releases.empty()) return true;
    return std::ranges::any_of(family->second,
                               [&](const std::string& release) { return concerns(home, release); });
  }

  static std::string key_of(const packages::Package& package, const Home& home) {
    std::string key = home.family;
    const auto add = [&](std::string_view part) { key.append("\n").append(part); };
    for (const std::string& release : home.releases) add(release);
    for (const Home::Name& name : home.names) {
      add(name.name);
      add(name.version);
    }
    if (!package.module.empty()) add("module");
    return key;
  }

  static Result<Answer> looked_up(const packages::Package& package, const Home& home,
                                  Connection& connection) {
    const versions::Scheme scheme = scheme_of(home.family).value_or(versions::Scheme::semver);
    Merger merger(scheme);
    bool is_inexact = false;
    std::set<std::int64_t> seen;
    for (const auto& [name, version] : home.names) {
      is_inexact = is_inexact || !versions::is_valid(scheme, version);
      HF_TRY(const auto rows, connection.affected(package_key(home.family, name)));
      for (const auto& row : rows) {
        if (!concerns(home, row.release)) continue;
        Verdict verdict = judge(scheme, unpack(row.affected), version);
        if (!verdict.is_affected || !fits_module(package, verdict.fixed_version)) continue;
        if (!seen.insert(row.record).second) continue;
        HF_TRY(RecordRow record, connection.record(row.record));
        merger.add(
            {.record = std::move(record), .fixed_version = std::move(verdict.fixed_version)});
      }
    }
    Result<void> outcome;
    Answer answer{.matches = merger.take(connection, outcome)};
    HF_CHECK(outcome);
    for (Match& match : answer.matches) match.is_inexact = is_inexact;
    std::ranges::sort(answer.matches, [](const Match& a, const Match& b) {
      const auto rank = [](const Match& match) {
        return match.severity ? static_cast<int>(*match.severity) : -1;
      };
      return std::pair(rank(b), std::string_view(a.id)) <
             std::pair(rank(a), std::string_view(b.id));
    });
    return answer;
  }

  Info info_;
  std::map<std::string, std::set<std::string>, std::less<>> ecosystems_;  // releases by family
  FillCache<std::shared_ptr<const Answer>> answers_{kAnswersInMemory};
  std::mutex mutex_;  // guards idle_
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> idle_;
};

}  // namespace

Result<std::shared_ptr<Database>> Database::open(const std::string& path) {
  auto database = std::make_shared<SqliteDatabase>();
  HF_CHECK(database->open_file(path));
  return std::shared_ptr<Database>(std::move(database));
}

}  // namespace holdfast::advisories
