// Lists of repositories: what a caller sees is merged from ranges of keys, each with an index.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>

#include "accounts/accounts.hpp"
#include "repos/repositories.hpp"
#include "repos/repository_rows.hpp"

namespace holdfast::repos {

namespace {

// Full names from `start` (itself left out when `after_start`) to the end of a namespace, or of
// all.
struct Range {
  std::string start;
  std::string end;
  bool after_start = false;
};

// A name has lower-case letters, digits and "-./_" only: '0' is the byte behind '/', and '~' is
// behind them all.
Range range_of(std::string_view ns, std::string_view start) {
  if (ns.empty()) return {std::string(start), "~"};
  return {std::max(std::string(start), fmt::format("{}/", ns)), fmt::format("{}0", ns)};
}

// The first rows of every range that a set consists of; the first `limit` of all of them are the
// page. O(limit) per range.
template <typename T>
class PageMerge {
 public:
  // Of the columns that the constructor is given. Their number tells where the full name stands.
  using Read = Result<T> (*)(const db::Row& row);

  PageMerge(db::Tx& tx, std::string_view columns, int count, Read read, const Range& range,
            std::int64_t limit)
      : tx_(tx),
        select_(fmt::format("SELECT {}, full_name FROM repositories WHERE full_name {} $1 AND "
                            "full_name < $2",
                            columns, range.after_start ? ">" : ">=")),
        name_column_(count),
        read_(read),
        range_(range),
        limit_(limit) {}

  Result<void> add(const VisibleSet& visible) {
    if (limit_ <= 0) return {};
    if (visible.all) return add("", 0);
    if (visible.public_ones) HF_CHECK(add(" AND visibility = 1", 0));
    for (const std::int64_t id : visible.namespace_ids) {
      HF_CHECK(add(" AND namespace_id = $4", id));
    }
    for (const std::int64_t id : visible.repository_ids) HF_CHECK(add(" AND id = $4", id));
    return {};
  }
  std::vector<T> take() {
    std::vector<T> page;
    page.reserve(rows_.size());
    for (auto& [name, row] : rows_) page.push_back(std::move(row));
    return page;
  }

 private:
  Result<void> add(std::string_view condition, std::int64_t id) {
    std::vector<db::Value> values = {range_.start, range_.end, limit_};
    if (id != 0) values.emplace_back(id);
    HF_CHECK(tx_.query(fmt::format("{}{} ORDER BY full_name LIMIT $3", select_, condition), values,
                       [&](const db::Row& row) -> Result<void> {
                         HF_TRY(T read, read_(row));
                         rows_.insert_or_assign(row.string(name_column_), std::move(read));
                         return {};
                       }));
    while (std::ssize(rows_) > limit_) rows_.erase(std::prev(rows_.end()));
    return {};
  }

  db::Tx& tx_;
  const std::string select_;
  const int name_column_;
  const Read read_;
  const Range& range_;
  const std::int64_t limit_;
  std::map<std::string, T> rows_;
};

}  // namespace

Result<Repository> repository_of(const db::Row& row) {
  HF_TRY(oci::RepositoryName name, oci::RepositoryName::parse(row.text(4)));
  return Repository{row.integer(0),
                    row.string(1),
                    row.integer(2),
                    row.integer(3) == static_cast<std::int64_t>(accounts::Kind::organization),
                    std::move(name),
                    row.boolean(5) ? Visibility::public_access : Visibility::private_access,
                    from_micros(row.integer(6)),
                    row.string(7),
                    row.boolean(8),
                    row.boolean(9),
                    row.boolean(10),
                    row.integer(11)};
}

std::string sql_condition(const VisibleSet& visible, const VisibleColumns& columns) {
  if (visible.all) return "1 = 1";
  std::string condition = fmt::format("({}", visible.public_ones ? columns.is_public : "1 = 0");
  const auto add = [&](std::string_view column, const std::vector<std::int64_t>& ids) {
    if (!ids.empty()) condition += fmt::format(" OR {} IN ({})", column, fmt::join(ids, ", "));
  };
  add(columns.namespace_id, visible.namespace_ids);
  add(columns.repository_id, visible.repository_ids);
  return condition + ")";
}

Result<std::vector<std::string>> Repositories::list(const VisibleSet& visible,
                                                    std::string_view after, int limit) {
  const Range range{std::string(after), "~", true};
  std::vector<std::string> names;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    PageMerge<std::string> page(
        tx, "full_name", 1, [](const db::Row& row) -> Result<std::string> { return row.string(0); },
        range, limit);
    HF_CHECK(page.add(visible));
    names = page.take();
    return {};
  }));
  return names;
}

Result<std::vector<Repository>> Repositories::page(const RepositoryQuery& query) {
  const Range range = range_of(query.ns, query.start);
  std::vector<Repository> repositories;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    PageMerge<Repository> page(tx, kRepositoryColumns, kRepositoryColumnsCount, repository_of,
                               range, query.limit);
    HF_CHECK(page.add(query.visible));
    repositories = page.take();
    return {};
  }));
  return repositories;
}

Result<std::vector<Repository>> Repositories::find(std::span<const std::int64_t> ids) {
  std::vector<Repository> found;
  if (ids.empty()) return found;
  const std::string sql = fmt::format("SELECT {} FROM repositories WHERE id IN ({}) ORDER BY id",
                                      kRepositoryColumns, fmt::join(ids, ", "));
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    found.clear();
    return tx.query(sql, {}, [&](const db::Row& row) -> Result<void> {
      HF_TRY(Repository repository, repository_of(row));
      found.push_back(std::move(repository));
      return {};
    });
  }));
  return found;
}

Result<std::int64_t> Repositories::count(const RepositoryQuery& query) {
  const Range range = range_of(query.ns, "");
  const VisibleSet& visible = query.visible;
  std::int64_t number = 0;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    number = 0;
    const auto add = [&](std::string_view condition, std::vector<db::Value> more) -> Result<void> {
      std::vector<db::Value> values = {range.start, range.end};
      values.insert(values.end(), more.begin(), more.end());
      return tx.query(fmt::format("SELECT count(*) FROM repositories WHERE full_name >= $1 AND "
                                  "full_name < $2{}",
                                  condition),
                      values, [&](const db::Row& row) -> Result<void> {
                        number += row.integer(0);
                        return {};
                      });
    };
    if (visible.all) return add("", {});
    // Each is counted once: what is public first, then the private ones of whole namespaces, then
    // single ones elsewhere.
    if (visible.public_ones) HF_CHECK(add(" AND visibility = 1", {}));
    std::string elsewhere;
    const std::string_view rest = visible.public_ones ? " AND visibility = 0" : "";
    for (const std::int64_t id : visible.namespace_ids) {
      HF_CHECK(add(fmt::format("{} AND namespace_id = $3", rest), {id}));
      elsewhere += fmt::format("{}{}", elsewhere.empty() ? "" : ", ", id);
    }
    if (!elsewhere.empty()) elsewhere = fmt::format(" AND namespace_id NOT IN ({})", elsewhere);
    for (const std::int64_t id : visible.repository_ids) {
      HF_CHECK(add(fmt::format("{}{} AND id = $3", rest, elsewhere), {id}));
    }
    return {};
  }));
  return number;
}

}  // namespace holdfast::repos
