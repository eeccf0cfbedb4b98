// JSON as people read it.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "client/commands.hpp"

namespace holdfast::client {

// How wide a terminal shows it: two for East Asian wide characters and emoji, none for combining
// marks.
std::size_t width(std::string_view utf8);
// At most `columns` wide; what was cut ends with "…".
std::string cut(std::string_view utf8, std::size_t columns);
// Fit for a terminal: what moves its cursor, changes its state or turns the order of writing, and
// what is no UTF-8, is shown as "�". Names and descriptions are a stranger's.
std::string harmless(std::string_view text);

// "3 hours ago", "in 2 days"; "never" for DTR's year 1 and for no time at all.
std::string relative(std::string_view rfc3339, Timestamp now);

// A cell of a row, harmless.
std::string cell(const boost::json::value& row, const Column& column, Timestamp now);

struct Look {
  std::size_t columns = 0;  // of the terminal; 0: no limit
  bool bold_head = false;
};
// Aligned columns, two spaces between, the head in capitals, numbers to the right.
std::string table(const boost::json::array& rows, const std::vector<Column>& columns, Timestamp now,
                  const Look& look);
// One object, a line for each column; without columns, for each member.
std::string card(const boost::json::value& object, const std::vector<Column>& columns,
                 Timestamp now);
// JSON that is harmless too, meaning the same.
std::string json_text(const boost::json::value& value);

}  // namespace holdfast::client
