// The lines of a job's log on their way to the table: bounded, and always text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string_view>
#include <vector>

#include "jobs/job.hpp"

namespace holdfast::jobs {

// Of a log that is longer than both ends together the middle is left out, and a line says so.
inline constexpr std::int64_t kLogHeadLines = 5'000;
inline constexpr std::int64_t kLogTailLines = 5'000;
inline constexpr std::size_t kLogLineBytes = 4'096;

// Threads: any. Holds a thousand lines more than both ends have, at most.
class LogBuffer {
 public:
  // What is to be written at once: rows with numbers from `cut_from` up to, not with, `cut_to` go,
  // then the lines are stored, over what has their number.
  struct Batch {
    std::vector<LogLine> lines;
    std::int64_t cut_from = 0;
    std::int64_t cut_to = 0;
  };

  // Adds the lines of `text`. Bytes that are no UTF-8, and NUL, are replaced; of a line that is too
  // long the beginning is kept, up to a whole character.
  void add(std::string_view text);
  // What has come since the last time; no lines: nothing has.
  Batch take();
  // What was taken and could not be written comes with the next one.
  void give_back(Batch batch);

 private:
  void trim();

  std::mutex mutex_;
  std::int64_t next_ = 0;       // number of the next line
  std::int64_t cut_to_ = 0;     // lines between the head and this one are left out
  std::int64_t cut_taken_ = 0;  // of those this far at the last take()
  std::deque<LogLine> lines_;   // by number
};

}  // namespace holdfast::jobs
