// The statements that a connection has prepared, for its driver.
#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace holdfast::db {

// By their SQL, at most kStatementsAtMost: some have a caller's ids written into them and come
// once, so the one that was not used for longest goes. Threads: one at a time.
inline constexpr std::size_t kStatementsAtMost = 400;
template <typename Statement>
class Statements {
 public:
  // Null when it is not there; good until the next insert() or erase().
  Statement* find(std::string_view sql) {
    const auto found = index_.find(sql);
    if (found == index_.end()) return nullptr;
    order_.splice(order_.begin(), order_, found->second);
    return &found->second->second;
  }
  // Adds one that is not there; gives the one that had to go for it.
  std::optional<Statement> insert(std::string_view sql, Statement statement) {
    order_.emplace_front(std::string(sql), std::move(statement));
    index_.emplace(order_.front().first, order_.begin());
    if (order_.size() <= kStatementsAtMost) return std::nullopt;
    std::optional<Statement> gone(std::move(order_.back().second));
    erase(order_.back().first);
    return gone;
  }
  void erase(std::string_view sql) {
    const auto found = index_.find(sql);
    if (found == index_.end()) return;
    const auto at = found->second;
    index_.erase(found);
    order_.erase(at);
  }
  void clear() {
    index_.clear();
    order_.clear();
  }

 private:
  std::list<std::pair<std::string, Statement>> order_;  // most recent first
  std::unordered_map<std::string_view, typename decltype(order_)::iterator> index_;
};

}  // namespace holdfast::db
