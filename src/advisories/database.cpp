#include "advisories/database.hpp"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "advisories/connection.hpp"
#include "advisories/ecosystems.hpp"
#include "advisories/format.hpp"
#include "advisories/merger.hpp"
#include "advisories/ranges.hpp"
#include "advisories/sqlite.hpp"
#include "base/fill_cache.hpp"

namespace holdfast::advisories {

namespace {

constexpr std::size_t kConnections = 4;
constexpr std::size_t kAnswersInMemory = 100'000;
constexpr std::size_t kRecordsShown = 500;  // merged under a name that is asked for

std::shared_ptr<const Answer> without_matches(Coverage coverage) {
  return std::make_shared<const Answer>(Answer{.coverage = coverage});
}

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
    HF_TRY(const auto file, File::open(path));
    HF_CHECK(read_info(*file));
    // All at once: the file may be unlinked while it is used.
    for (std::size_t i = 0; i < kConnections; ++i) {
      HF_TRY(auto connection, Connection::open(path));
      idle_.push_back(std::move(connection));
    }
    return {};
  }

  [[nodiscard]] const Info& info() const override { return info_; }

  Result<std::shared_ptr<const Answer>> match(const packages::Package& package,
                                              const packages::Release* release) override {
    if (!package.owner.empty()) return without_matches(Coverage::owned);
    const std::optional<Home> home = home_of(package, release);
    if (!home || !knows(*home)) return without_matches(Coverage::not_covered);
    const std::string key = key_of(package, *home);
    if (const auto known = answers_.find(key)) return *known;
    const auto ticket = answers_.ticket(key);
    Borrowed connection(*this);
    HF_TRY(Answer found, looked_up(package, *home, *connection));
    const auto answer = std::make_shared<const Answer>(std::move(found));
    answers_.insert(ticket, key, answer, 1 + answer->matches.size());
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
    HF_TRY(std::vector<Match> matches, merger.take(*connection));
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
    ordered.reserve(rows.size());
    for (auto& [number, row] : rows) ordered.push_back(std::move(row));
    return ordered;
  }

  Result<void> read_info(File& file) {
    HF_TRY(Statement format, file.prepare("SELECT format FROM info"));
    HF_TRY(const bool has_format, format.step());
    if (!has_format || format.integer(0) != kFormat) {
      return fail(ErrorCode::corrupt, kAdvisoriesBroken,
                  "it is no advisory database of a format that this build knows");
    }
    HF_TRY(Statement row, file.prepare("SELECT format, version, built_at, newest_at, records, "
                                       "rated, exploited FROM info"));
    HF_TRY(const bool found, row.step());
    if (!found) return fail(ErrorCode::corrupt, kAdvisoriesBroken, "it says nothing of itself");
    info_.version = row.text(1);
    info_.built_at = from_micros(row.integer(2));
    info_.newest_at = from_micros(row.integer(3));
    info_.records = row.integer(4);
    info_.rated = row.integer(5);
    info_.exploited = row.integer(6);
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
    Answer answer;
    HF_TRY(answer.matches, merger.take(connection));
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
