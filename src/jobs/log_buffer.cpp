#include "jobs/log_buffer.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <string>
#include <utility>

namespace holdfast::jobs {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr std::int64_t kNote = kLogHeadLines;  // the number of the line that says what is missing
// To leave out each line as it comes would move all that are behind it.
constexpr std::size_t kHeldAtMost = kLogHeadLines + kLogTailLines + 1'000;

// How many bytes the character has that `text` begins with; 0 when it is none.
std::size_t character(std::string_view text) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const auto follows = [&](std::size_t i, unsigned least = 0x80, unsigned most = 0xBF) {
    return byte(i) >= least && byte(i) <= most;
  };
  const unsigned first = byte(0);
  if (first == 0) return 0;
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    // No overlong forms, no surrogates.
    const unsigned least = first == 0xE0 ? 0xA0 : 0x80;
    const unsigned most = first == 0xED ? 0x9F : 0xBF;
    return follows(1, least, most) && follows(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned least = first == 0xF0 ? 0x90 : 0x80;
    const unsigned most = first == 0xF4 ? 0x8F : 0xBF;
    return follows(1, least, most) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

std::string clean(std::string_view line) {
  std::string text;
  while (!line.empty() && text.size() < kLogLineBytes) {
    const std::size_t size = character(line);
    const std::string_view next = size == 0 ? kReplacement : line.substr(0, size);
    if (text.size() + next.size() > kLogLineBytes) break;
    text += next;
    line.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return text;
}

}  // namespace

void LogBuffer::add(std::string_view text) {
  const std::lock_guard lock(mutex_);
  while (true) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (next_ == kNote) ++next_;
    lines_.push_back({next_++, clean(line)});
    if (lines_.size() > kHeldAtMost) trim();
    if (end == std::string_view::npos || end + 1 == text.size()) return;
    text.remove_prefix(end + 1);
  }
}

void LogBuffer::trim() {
  cut_to_ = std::max(cut_to_, next_ - kLogTailLines);
  if (cut_to_ <= kNote + 1) return;
  const auto first = std::ranges::lower_bound(lines_, kNote, {}, &LogLine::number);
  auto last = first;
  while (last != lines_.end() && last->number < cut_to_) ++last;
  lines_.erase(first, last);
}

LogBuffer::Batch LogBuffer::take() {
  const std::lock_guard lock(mutex_);
  Batch batch;
  trim();
  if (lines_.empty()) return batch;
  batch.lines.assign(std::make_move_iterator(lines_.begin()),
                     std::make_move_iterator(lines_.end()));
  lines_.clear();
  if (cut_to_ > kNote + 1 && cut_to_ > cut_taken_) {
    batch.cut_from = std::max(kNote, cut_taken_);
    batch.cut_to = cut_to_;
    cut_taken_ = cut_to_;
    LogLine note{kNote, fmt::format("... {} lines are left out here ...", cut_to_ - kNote - 1)};
    const auto place = std::ranges::lower_bound(batch.lines, kNote, {}, &LogLine::number);
    batch.lines.insert(place, std::move(note));
  }
  return batch;
}

void LogBuffer::give_back(Batch batch) {
  const std::lock_guard lock(mutex_);
  if (batch.cut_to > 0) cut_taken_ = std::min(cut_taken_, batch.cut_from);
  std::erase_if(batch.lines, [](const LogLine& line) { return line.number == kNote; });
  lines_.insert(lines_.begin(), std::make_move_iterator(batch.lines.begin()),
                std::make_move_iterator(batch.lines.end()));
  trim();
}

}  // namespace holdfast::jobs
