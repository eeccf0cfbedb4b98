// The type words of DDL, rendered for an engine.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace holdfast::db {

// What an engine calls the four types, and what it wants behind CREATE TABLE (…).
struct Dialect {
  std::string_view id;
  std::string_view integer;
  std::string_view text;
  std::string_view bytes;
  std::string_view table_suffix;
};

// The statements of a DDL text (separated by ';'), rendered. No literal may hold ';' or '{'.
std::vector<std::string> render_ddl(std::string_view ddl, const Dialect& dialect);

}  // namespace holdfast::db
