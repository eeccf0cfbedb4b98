#include "api/rest/pages.hpp"

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>

#include "api/rest/call.hpp"
#include "http/pieces.hpp"

namespace holdfast::api::rest {

namespace {

// How far a page is.
struct Progress {
  std::string next;        // where the next step begins
  std::int64_t rows = 0;   // so far
  bool has_text = false;   // a comma comes before more
  bool is_at_end = false;  // of the page
};

// `until` empty: up to the page's size, or the list's end.
Result<std::string> write_step(const PageParts& parts, Progress& progress,
                               const std::string& until) {
  const std::int64_t limit =
      until.empty() ? std::min(parts.size - progress.rows, parts.step) : parts.step;
  HF_TRY(Step step, parts.read(progress.next, until, limit, true));
  progress.rows += step.rows;
  progress.next = std::move(step.next);
  progress.is_at_end = progress.next.empty() || progress.next == until ||
                       (until.empty() && progress.rows >= parts.size);
  if (step.text.empty()) return std::string();
  if (std::exchange(progress.has_text, true)) step.text.insert(0, 1, ',');
  return std::move(step.text);
}

// The start of the row behind the page: it stands in the head, so it is looked for before the rows
// go out.
Result<std::string> find_end(const PageParts& parts, const Progress& progress) {
  std::string next = progress.next;
  for (std::int64_t left = parts.size - progress.rows; left > 0 && !next.empty();) {
    HF_TRY(Step step, parts.read(next, "", std::min(left, parts.step), false));
    left -= step.rows;
    next = std::move(step.next);
  }
  return next;
}

class LongPage final : public http::PieceSource {
 public:
  LongPage(async::BlockingPool& pool, PageParts parts, Progress progress, std::string begun,
           std::string until)
      : pool_(pool),
        parts_(std::move(parts)),
        progress_(std::move(progress)),
        begun_(std::move(begun)),
        until_(std::move(until)) {}

  boost::asio::awaitable<Result<std::optional<std::string>>> next() override {
    if (!begun_.empty()) co_return std::optional(std::exchange(begun_, {}));
    if (is_closed_) co_return std::optional<std::string>();
    auto piece = co_await pool_.run([&] { return make(); });
    if (!piece) co_return piece.error();
    co_return std::optional(*std::move(piece));
  }

 private:
  Result<std::string> make() {
    if (!progress_.is_at_end) return write_step(parts_, progress_, until_);
    is_closed_ = true;
    return parts_.closing({.next = until_, .rows = progress_.rows});
  }

  async::BlockingPool& pool_;
  const PageParts parts_;
  Progress progress_;
  std::string begun_;
  const std::string until_;
  bool is_closed_ = false;
};

}  // namespace

Result<http::Response> page_response(async::BlockingPool& pool, PageParts parts) {
  Progress progress{.next = parts.start};
  std::string text = parts.opening;
  while (!progress.is_at_end && progress.rows < kRowsAtOnce && text.size() < kTextAtOnceBytes) {
    HF_TRY(const std::string step, write_step(parts, progress, ""));
    text += step;
  }
  http::Response response(200);
  response.field("Content-Type", "application/json").field("Cache-Control", "no-store");
  if (progress.is_at_end) {
    HF_TRY(const std::string closing,
           parts.closing({.next = progress.next, .rows = progress.rows}));
    if (!progress.next.empty()) response.field("X-Next-Page-Start", progress.next);
    return std::move(response.text(text + closing + "\n"));
  }
  HF_TRY(std::string until, find_end(parts, progress));
  if (!until.empty()) response.field("X-Next-Page-Start", until);
  // Without an end the page is as long as the list.
  if (until.empty()) parts.size = kLargestPage;
  return std::move(response.pieces(std::make_shared<LongPage>(
      pool, std::move(parts), std::move(progress), std::move(text), std::move(until))));
}

}  // namespace holdfast::api::rest
