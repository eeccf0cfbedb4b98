#include "db/ddl.hpp"

#include <array>
#include <utility>

namespace holdfast::db {

std::vector<std::string> render_ddl(std::string_view ddl, const Dialect& dialect) {
  const std::array<std::pair<std::string_view, std::string_view>, 4> words = {{
      {"{id}", dialect.id},
      {"{int}", dialect.integer},
      {"{text}", dialect.text},
      {"{bytes}", dialect.bytes},
  }};
  std::vector<std::string> statements;
  while (!ddl.empty()) {
    const std::size_t end = ddl.find(';');
    std::string statement(ddl.substr(0, end));
    ddl = end == std::string_view::npos ? std::string_view() : ddl.substr(end + 1);
    const std::size_t first = statement.find_first_not_of(" \n\t");
    if (first == std::string::npos) continue;
    statement = statement.substr(first, statement.find_last_not_of(" \n\t") - first + 1);
    for (const auto& [word, type] : words) {
      for (std::size_t at = 0; (at = statement.find(word, at)) != std::string::npos;
           at += type.size()) {
        statement.replace(at, word.size(), type);
      }
    }
    if (statement.starts_with("CREATE TABLE")) statement += dialect.table_suffix;
    statements.push_back(std::move(statement));
  }
  return statements;
}

}  // namespace holdfast::db
