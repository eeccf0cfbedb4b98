// Pages of lists. Clients of these APIs ask for 100,000 rows at once: rows are read, shown and
// written in steps, and a long page goes out while it is made, so that it costs the memory of a
// step.
#pragma once

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/pool.hpp"
#include "base/result.hpp"
#include "http/message.hpp"

namespace holdfast::api::rest {

struct Step {
  std::string text;       // the rows as JSON, a comma between them
  std::int64_t rows = 0;  // that were read
  std::string next;       // the start of the row behind them; empty: there is none
};

struct PageEnd {
  std::string next;       // the start of the next page; empty: there is none
  std::int64_t rows = 0;  // of this page
};

// What a page is made of. The functions own what they use: a long page is made after its handler
// has ended. They block.
struct PageParts {
  std::string start;        // the first row wanted; empty: the first there is
  std::int64_t size = 0;    // rows at most
  std::int64_t step = 500;  // rows in memory at a time
  std::string opening;      // stands before the rows: {"repositories":[
  std::function<Result<std::string>(const PageEnd&)> closing;  // stands behind them: ]}
  // Up to `limit` rows from `start` on, and none from the row on that begins at `until`, unless
  // that is empty. Without `show` no text is needed.
  std::function<Result<Step>(const std::string& start, const std::string& until, std::int64_t limit,
                             bool show)>
      read;
};

// 200, with X-Next-Page-Start when a page follows, as clients go on while that is there. Up to
// kRowsAtOnce rows or kTextAtOnceBytes have a Content-Length. What is added while a longer one goes
// out may be in it; an error then breaks it off.
inline constexpr std::int64_t kRowsAtOnce = 1000;
inline constexpr std::size_t kTextAtOnceBytes = 8UZ << 20U;
Result<http::Response> page_response(async::BlockingPool& pool, PageParts parts);

// PageParts::read from: `read(start, limit)`, which gives rows in the list's order from the one on
// that begins at `start`; `start_of(row)`; and `show(rows)`, which gives them as a JSON array.
template <typename Read, typename StartOf, typename Show>
auto steps_of(Read read, StartOf start_of, Show show) {
  return [read = std::move(read), start_of = std::move(start_of), show = std::move(show)](
             const std::string& start, const std::string& until, std::int64_t limit,
             bool shows) mutable -> Result<Step> {
    HF_TRY(auto rows, read(start, limit + 1));
    Step step;
    const auto bound = std::ranges::find_if(
        rows, [&](const auto& row) { return !until.empty() && start_of(row) == until; });
    if (bound != rows.end()) {
      step.next = until;
      rows.erase(bound, rows.end());
    } else if (std::ssize(rows) > limit) {
      step.next = start_of(rows.back());
      rows.pop_back();
    }
    step.rows = std::ssize(rows);
    if (!shows) return step;
    HF_TRY(const boost::json::array shown, show(rows));
    for (const boost::json::value& row : shown) {
      if (!step.text.empty()) step.text += ',';
      step.text += boost::json::serialize(row);
    }
    return step;
  };
}

}  // namespace holdfast::api::rest
