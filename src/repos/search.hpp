// Repositories found by a part of their name or by words of their short description.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "db/database.hpp"
#include "repos/repository.hpp"

namespace holdfast::repos {

struct SearchQuery {
  VisibleSet visible{};
  std::string text{};             // without case (ASCII); blanks around it do not count
  std::int64_t namespace_id = 0;  // only those of this namespace; 0: all
  std::int64_t limit = 25;
};

// Each name is kept with all of its endings, and a description from each of its words on: what
// contains a text is then a range of an index. Threads: any; all calls block.
class Search {
 public:
  explicit Search(db::Database& database) : database_(database) {}

  // Those that are called so, then those whose name begins so, whose part behind the slash begins
  // so, whose name holds the text, whose description does, from the start of a word on; by name
  // within each. Costs O(kTestedAtMost) however many there are: who sees few of very many may miss
  // some for a text that is in nearly all names.
  Result<std::vector<Repository>> find(const SearchQuery& query);

  // Takes up repositories that came without the index (by an earlier version), a thousand at most.
  // Called every second; costs a look when there are none.
  Result<void> take_up();

 private:
  Result<bool> take_up_step();

  db::Database& database_;
};

// Index rows tested at most in each part of a search.
inline constexpr std::int64_t kTestedAtMost = 10'000;

// Makes a repository be found, in the transaction that creates it or changes visibility or
// description. What goes with the repository needs nothing.
Result<void> add_terms(db::Tx& tx, const Repository& repository);
Result<void> replace_terms(db::Tx& tx, const Repository& repository);

}  // namespace holdfast::repos
