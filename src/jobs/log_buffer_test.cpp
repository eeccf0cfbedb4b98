#include "jobs/log_buffer.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>
#include <string>

#include "codec/text.hpp"

namespace holdfast::jobs {
namespace {

// The table, as a batch changes it.
class Table {
 public:
  void write(const LogBuffer::Batch& batch) {
    rows_.erase(rows_.lower_bound(batch.cut_from), rows_.lower_bound(batch.cut_to));
    for (const LogLine& line : batch.lines) rows_[line.number] = line.data;
  }
  std::map<std::int64_t, std::string> rows_;
};

std::string only_line(std::string_view text) {
  LogBuffer buffer;
  buffer.add(text);
  const auto batch = buffer.take();
  EXPECT_EQ(batch.lines.size(), 1U);
  EXPECT_TRUE(codec::is_text(batch.lines.front().data));
  return batch.lines.front().data;
}

TEST(LogBuffer, LinesAreNumberedAndTakenOnce) {
  LogBuffer buffer;
  EXPECT_TRUE(buffer.take().lines.empty());
  buffer.add("one\r\ntwo\n");
  buffer.add("");
  const auto batch = buffer.take();
  ASSERT_EQ(batch.lines.size(), 3U);
  EXPECT_EQ(batch.lines[0].number, 0);
  EXPECT_EQ(batch.lines[0].data, "one");
  EXPECT_EQ(batch.lines[1].data, "two");
  EXPECT_EQ(batch.lines[2].data, "");
  EXPECT_TRUE(buffer.take().lines.empty());
}

TEST(LogBuffer, WhatIsNoTextIsReplaced) {
  EXPECT_EQ(only_line("a\xFFz"), "a\xEF\xBF\xBDz");
  EXPECT_EQ(only_line(std::string("a\0z", 3)), "a\xEF\xBF\xBDz");
  EXPECT_EQ(only_line("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");  // a surrogate
  EXPECT_EQ(only_line("\xC0\xAF"), "\xEF\xBF\xBD\xEF\xBF\xBD");                  // overlong
  EXPECT_EQ(only_line("\xC3"), "\xEF\xBF\xBD");
  EXPECT_EQ(only_line("\xF0\x9F\x90\xB3 \xC3\xBC"), "\xF0\x9F\x90\xB3 \xC3\xBC");
}

TEST(LogBuffer, LongLinesEndWithAWholeCharacter) {
  std::string text = "x";
  while (text.size() < 2 * kLogLineBytes) text += "\xC3\xBC";
  const std::string line = only_line(text);
  EXPECT_EQ(line.size(), kLogLineBytes - 1);
  EXPECT_EQ(only_line(std::string(1U << 20U, '\xFF')).size(), kLogLineBytes - 1);
}

void expect_both_ends(const Table& table, std::int64_t lines) {
  ASSERT_EQ(std::ssize(table.rows_), kLogHeadLines + 1 + kLogTailLines);
  EXPECT_EQ(table.rows_.begin()->second, "line 0");
  EXPECT_EQ(table.rows_.at(kLogHeadLines - 1), fmt::format("line {}", kLogHeadLines - 1));
  EXPECT_EQ(table.rows_.rbegin()->second, fmt::format("line {}", lines - 1));
  EXPECT_EQ(table.rows_.at(kLogHeadLines), fmt::format("... {} lines are left out here ...",
                                                       lines - kLogHeadLines - kLogTailLines));
}

TEST(LogBuffer, TheMiddleOfALongLogIsLeftOut) {
  for (const int step : {1'000'000, 7'001, 999}) {
    LogBuffer buffer;
    Table table;
    for (int i = 0; i < 23'456; ++i) {
      buffer.add(fmt::format("line {}", i));
      if (i % step == step - 1) table.write(buffer.take());
    }
    const auto last = buffer.take();
    EXPECT_LE(std::ssize(last.lines), kLogHeadLines + kLogTailLines + 1);
    table.write(last);
    expect_both_ends(table, 23'456);
  }
}

TEST(LogBuffer, WhatCouldNotBeWrittenIsNotLost) {
  LogBuffer buffer;
  Table table;
  for (int i = 0; i < 23'456; ++i) {
    buffer.add(fmt::format("line {}", i));
    if (i % 999 != 0) continue;
    auto batch = buffer.take();
    if (i % 2 == 0) {
      buffer.give_back(std::move(batch));
    } else {
      table.write(batch);
    }
  }
  table.write(buffer.take());
  expect_both_ends(table, 23'456);
}

TEST(LogBuffer, AtTheBorderNothingIsLeftOut) {
  LogBuffer buffer;
  for (std::int64_t i = 0; i < kLogHeadLines + kLogTailLines; ++i) buffer.add("x");
  const auto batch = buffer.take();
  EXPECT_EQ(std::ssize(batch.lines), kLogHeadLines + kLogTailLines);
  EXPECT_EQ(batch.cut_to, 0);
}

}  // namespace
}  // namespace holdfast::jobs
