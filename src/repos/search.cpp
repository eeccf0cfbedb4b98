#include "repos/search.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <set>
#include <string_view>
#include <utility>

#include "repos/repository_rows.hpp"

namespace holdfast::repos {

namespace {

// Where in a repository's texts a term begins.
enum class Place : std::uint8_t { name, part, inside, description };

// Endings inside a name and words of a description are cut here; what is longer is compared with
// the whole text.
constexpr std::size_t kTermBytes = 24;
constexpr int kTakenUpAtOnce = 100;
constexpr int kStepsAtOnce = 10;
// A name may hold a short text several times.
constexpr std::int64_t kRowsPerRepository = 8;
// Behind every text that begins with what stands before it: the last character of Unicode.
constexpr std::string_view kLast = "\xF4\x8F\xBF\xBF";

std::string lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

bool is_of_a_word(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// Not through the middle of a character.
std::string_view cut(std::string_view text) {
  if (text.size() <= kTermBytes) return text;
  std::size_t end = kTermBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end);
}

std::string trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

std::string_view part_of(std::string_view name) { return name.substr(name.find('/') + 1); }

// Calls `each` with the description from each of its words on.
template <typename Each>
void words_on(std::string_view description, const Each& each) {
  for (std::size_t i = 0; i < description.size(); ++i) {
    const bool begins =
        is_of_a_word(description[i]) && (i == 0 || !is_of_a_word(description[i - 1]));
    if (begins) each(description.substr(i));
  }
}

using Terms = std::set<std::pair<Place, std::string>>;

Terms terms_of(const Repository& repository) {
  const std::string_view name = repository.name.text();
  const std::string_view part = part_of(name);
  Terms terms = {{Place::name, std::string(name)}, {Place::part, std::string(part)}};
  for (std::size_t i = 1; i < name.size(); ++i) {
    if (i != name.size() - part.size()) terms.emplace(Place::inside, cut(name.substr(i)));
  }
  const std::string description = lower(repository.short_description);
  words_on(description,
           [&](std::string_view rest) { terms.emplace(Place::description, cut(rest)); });
  return terms;
}

// Rows go by powers of two, so that a few statements do for any number of them.
std::string insert_sql(std::size_t rows) {
  std::string sql =
      "INSERT INTO repository_terms (repository_id, namespace_id, is_public, place, term) VALUES ";
  for (std::size_t i = 0; i < rows; ++i) {
    sql += fmt::format("{}($1, $2, $3, ${}, ${})", i == 0 ? "" : ", ", 2 * i + 4, 2 * i + 5);
  }
  return sql;
}

enum class Rank : std::uint8_t { exact, prefix, part_prefix, inside, described, none };

Rank rank_of(const Repository& repository, std::string_view text) {
  const std::string_view name = repository.name.text();
  const std::string_view part = part_of(name);
  if (name == text || part == text) return Rank::exact;
  if (name.starts_with(text)) return Rank::prefix;
  if (part.starts_with(text)) return Rank::part_prefix;
  if (name.find(text) != std::string_view::npos) return Rank::inside;
  Rank rank = Rank::none;
  const std::string description = lower(repository.short_description);
  words_on(description, [&](std::string_view rest) {
    if (rest.starts_with(text)) rank = Rank::described;
  });
  return rank;
}

// The index says who may see a repository as well; the row itself has the last word.
bool sees(const VisibleSet& visible, const Repository& repository) {
  const auto has = [](const std::vector<std::int64_t>& ids, std::int64_t id) {
    return std::ranges::find(ids, id) != ids.end();
  };
  return visible.all ||
         (visible.public_ones && repository.visibility == Visibility::public_access) ||
         has(visible.namespace_ids, repository.namespace_id) ||
         has(visible.repository_ids, repository.id);
}

std::string condition_of(const SearchQuery& query) {
  std::string condition = sql_condition(query.visible, {.is_public = "is_public = 1",
                                                        .namespace_id = "namespace_id",
                                                        .repository_id = "repository_id"});
  if (query.namespace_id != 0)
    condition += fmt::format(" AND namespace_id = {}", query.namespace_id);
  return condition;
}

// Whether the rows of the index must be tested.
bool is_tested(const SearchQuery& query) { return !query.visible.all || query.namespace_id != 0; }

// Rows of a place ($1) from $2 to $3, at most $4; where they are tested, of the first $5.
std::string sql_of(const SearchQuery& query) {
  constexpr std::string_view kFrom =
      "FROM repository_terms WHERE place = $1 AND term >= $2 AND term < $3 "
      "ORDER BY term, repository_id LIMIT";
  if (!is_tested(query)) return fmt::format("SELECT repository_id {} $4", kFrom);
  return fmt::format(
      "SELECT repository_id FROM (SELECT term, repository_id, namespace_id, is_public {} $5) AS "
      "near WHERE {} ORDER BY term, repository_id LIMIT $4",
      kFrom, condition_of(query));
}

// What one search has found so far.
class Finder {
 public:
  Finder(db::Tx& tx, const SearchQuery& query, std::string_view text)
      : tx_(tx), query_(query), text_(text), sql_(sql_of(query)) {}

  Result<void> look(Place place) {
    const bool whole = place == Place::name || place == Place::part;
    const std::string start(whole ? text_ : cut(text_));
    const std::string end = start + std::string(kLast);
    std::vector<db::Value> values = {static_cast<std::int64_t>(place), start, end,
                                     query_.limit * kRowsPerRepository};
    if (!is_tested(query_)) return look(values);
    // Most find enough among the first.
    const auto before = std::ssize(found_);
    values.emplace_back(kTestedAtMost / 10);
    HF_CHECK(look(values));
    if (std::ssize(found_) - before >= query_.limit) return {};
    values.back() = kTestedAtMost;
    return look(values);
  }
  [[nodiscard]] bool is_full() const { return std::ssize(found_) >= query_.limit; }
  std::vector<Repository> take() {
    std::ranges::sort(found_, [](const Found& a, const Found& b) {
      return std::pair(a.rank, a.repository.name.text()) <
             std::pair(b.rank, b.repository.name.text());
    });
    std::vector<Repository> repositories;
    for (Found& one : found_) {
      if (std::ssize(repositories) == query_.limit) break;
      repositories.push_back(std::move(one.repository));
    }
    return repositories;
  }

 private:
  struct Found {
    Rank rank;
    Repository repository;
  };

  Result<void> look(const std::vector<db::Value>& values) {
    std::vector<std::int64_t> ids;
    HF_CHECK(tx_.query(sql_, values, [&](const db::Row& row) -> Result<void> {
      if (seen_.insert(row.integer(0)).second) ids.push_back(row.integer(0));
      return {};
    }));
    return load(ids);
  }
  Result<void> load(const std::vector<std::int64_t>& ids) {
    if (ids.empty()) return {};
    return tx_.query(fmt::format("SELECT {} FROM repositories WHERE id IN ({})", kRepositoryColumns,
                                 fmt::join(ids, ", ")),
                     {}, [&](const db::Row& row) -> Result<void> {
                       HF_TRY(Repository repository, repository_of(row));
                       const Rank rank = rank_of(repository, text_);
                       if (rank != Rank::none && sees(query_.visible, repository)) {
                         found_.push_back({rank, std::move(repository)});
                       }
                       return {};
                     });
  }

  db::Tx& tx_;
  const SearchQuery& query_;
  const std::string_view text_;
  const std::string sql_;
  std::set<std::int64_t> seen_;
  std::vector<Found> found_;
};

}  // namespace

Result<std::vector<Repository>> Search::find(const SearchQuery& query) {
  std::vector<Repository> found;
  const std::string text = lower(trimmed(query.text));
  if (text.empty() || query.limit <= 0) return found;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    Finder finder(tx, query, text);
    HF_CHECK(finder.look(Place::name));
    HF_CHECK(finder.look(Place::part));
    if (!finder.is_full()) HF_CHECK(finder.look(Place::inside));
    if (!finder.is_full()) HF_CHECK(finder.look(Place::description));
    found = finder.take();
    return {};
  }));
  return found;
}

Result<bool> Search::take_up_step() {
  std::int64_t taken = 0;
  HF_CHECK(database_.write(db::Durability::relaxed, [&](db::Tx& tx) -> Result<void> {
    std::vector<Repository> without;
    HF_CHECK(tx.query(fmt::format("SELECT {} FROM repositories WHERE has_terms = 0 ORDER BY id "
                                  "LIMIT {}",
                                  kRepositoryColumns, kTakenUpAtOnce),
                      {}, [&](const db::Row& row) -> Result<void> {
                        HF_TRY(Repository repository, repository_of(row));
                        without.push_back(std::move(repository));
                        return {};
                      }));
    for (const Repository& repository : without) HF_CHECK(replace_terms(tx, repository));
    taken = std::ssize(without);
    return {};
  }));
  return taken == kTakenUpAtOnce;
}

Result<void> Search::take_up() {
  bool any = false;
  HF_CHECK(database_.read([&](db::Tx& tx) -> Result<void> {
    any = false;
    return tx.query("SELECT 1 FROM repositories WHERE has_terms = 0 LIMIT 1", {},
                    [&](const db::Row& /*row*/) -> Result<void> {
                      any = true;
                      return {};
                    });
  }));
  for (int step = 0; any && step < kStepsAtOnce; ++step) {
    HF_TRY(any, take_up_step());
  }
  return {};
}

Result<void> add_terms(db::Tx& tx, const Repository& repository) {
  const Terms terms = terms_of(repository);
  auto next = terms.begin();
  for (std::size_t left = terms.size(); left > 0;) {
    std::size_t rows = 64;
    while (rows > left) rows /= 2;
    std::vector<db::Value> values = {
        repository.id, repository.namespace_id,
        std::int64_t{repository.visibility == Visibility::public_access}};
    for (std::size_t i = 0; i < rows; ++i, ++next) {
      values.emplace_back(static_cast<std::int64_t>(next->first));
      values.emplace_back(std::string_view(next->second));
    }
    HF_CHECK(tx.execute(insert_sql(rows), values));
    left -= rows;
  }
  return {};
}

Result<void> replace_terms(db::Tx& tx, const Repository& repository) {
  HF_CHECK(tx.execute("DELETE FROM repository_terms WHERE repository_id = $1", {repository.id}));
  HF_CHECK(tx.execute("UPDATE repositories SET has_terms = 1 WHERE id = $1", {repository.id}));
  return add_terms(tx, repository);
}

}  // namespace holdfast::repos
