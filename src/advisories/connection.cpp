#include "advisories/connection.hpp"

#include <utility>

#include "advisories/format.hpp"
#include "advisories/ranges.hpp"
#include "advisories/ratings.hpp"

namespace holdfast::advisories {

namespace {

constexpr std::size_t kAffectedShown = 2000;

std::optional<cvss::Severity> severity_in(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return static_cast<cvss::Severity>(row.integer(column));
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const std::string& path) {
  auto connection = std::make_unique<Connection>();
  HF_TRY(connection->file_, File::open(path));
  File& file = *connection->file_;
  HF_TRY(connection->affected_,
         file.prepare("SELECT release, record, affected FROM affected WHERE package = ?"));
  HF_TRY(connection->record_,
         file.prepare("SELECT name, ids, mends, summary, details, rating, vector, urls "
                      "FROM records WHERE id = ?"));
  HF_TRY(connection->rating_,
         file.prepare("SELECT vector, stated, COALESCE(rating, stated_rating), exploited "
                      "FROM ratings WHERE cve = ?"));
  HF_TRY(connection->named_, file.prepare("SELECT record FROM names WHERE name = ?"));
  HF_TRY(connection->packages_,
         file.prepare("SELECT package, release, affected FROM affected WHERE record = ?"));
  return connection;
}

Result<std::vector<Connection::AffectedRow>> Connection::affected(std::string_view package) {
  std::vector<AffectedRow> rows;
  affected_.bind(1, package);
  while (true) {
    HF_TRY(const bool more, affected_.step());
    if (!more) return rows;
    rows.push_back(
        {std::string(affected_.text(0)), affected_.integer(1), std::string(affected_.text(2))});
  }
}

Result<RecordRow> Connection::record(std::int64_t id) {
  record_.bind(1, id);
  HF_TRY(const bool found, record_.step());
  if (!found) return fail(ErrorCode::corrupt, kAdvisoriesBroken, "an advisory is missing");
  RecordRow row{.id = id,
                .name = std::string(record_.text(0)),
                .aliases = lines_of(record_.text(1)),
                .mends = lines_of(record_.text(2)),
                .summary = std::string(record_.text(3)),
                .details = std::string(record_.text(4)),
                .rating = severity_in(record_, 5),
                .vector = std::string(record_.text(6)),
                .urls = lines_of(record_.text(7))};
  record_.reset();
  return row;
}

Result<Rating> Connection::rating(std::string_view cve) {
  rating_.bind(1, cve);
  HF_TRY(const bool found, rating_.step());
  if (!found) return Rating{};
  Rating row{std::string(better_vector(rating_.text(0), rating_.text(1))), severity_in(rating_, 2),
             rating_.integer(3) != 0};
  rating_.reset();
  return row;
}

Result<std::vector<std::int64_t>> Connection::named(std::string_view name) {
  std::vector<std::int64_t> ids;
  named_.bind(1, name);
  while (true) {
    HF_TRY(const bool more, named_.step());
    if (!more) return ids;
    ids.push_back(named_.integer(0));
  }
}

Result<void> Connection::packages(std::int64_t record, Advisory& into) {
  packages_.bind(1, record);
  while (true) {
    HF_TRY(const bool more, packages_.step());
    if (!more) return {};
    if (into.affected.size() >= kAffectedShown) continue;
    const std::string_view key = packages_.text(0);
    const std::size_t line = key.find('\n');
    Advisory::Affected one{.ecosystem = std::string(key.substr(0, line)),
                           .name = std::string(key.substr(line + 1))};
    if (!packages_.text(1).empty()) {
      one.ecosystem.append(":").append(packages_.text(1));
    }
    for (const auto& range : unpack(packages_.text(2)).ranges) {
      for (const Event& event : range) {
        if (event.kind == Event::Kind::fixed) one.fixed_version = event.version;
      }
    }
    into.affected.push_back(std::move(one));
  }
}

}  // namespace holdfast::advisories
