#include "api/oci/receive.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <fmt/format.h>
#include <utility>

#include "api/oci/errors.hpp"
#include "blob/buffer.hpp"
#include "http/range.hpp"

namespace holdfast::api::oci {

namespace asio = boost::asio;

namespace {

using boost::system::error_code;
using uploads::Upload;

constexpr std::size_t kSlowBytes = 64UZ * 1024;
constexpr std::size_t kPiecesBetween = 2;  // filled, and not yet on their way to the disk
// A client that takes longer for a buffer is slow.
constexpr std::chrono::milliseconds kQuick{50};

// How long a chunk says it is; its form was checked before.
std::optional<std::uint64_t> chunk_length(const http::Request& request) {
  const auto range = http::parse_chunk_range(request.field("content-range").value_or(""));
  if (!range) return std::nullopt;
  return range->last - range->first + 1;
}

Error too_large(Context context) {
  context.services.limits.note(api::Limit::blob);
  return fail(ErrorCode::too_large, http::kBodyTooLarge,
              fmt::format("a blob has at most {} bytes", context.settings.blob_limit_bytes));
}

// A buffer and what was read into it; nothing in it: the end.
struct Piece {
  blob::Buffer buffer;
  std::size_t bytes = 0;
};

using Pieces = asio::experimental::concurrent_channel<void(error_code, Piece)>;

class Receiver {
 public:
  Receiver(Context context, Upload& upload, Limits::Upload share)
      : context_(context),
        upload_(upload),
        share_(std::move(share)),
        expected_(chunk_length(context.request)) {}

  asio::awaitable<Result<void>> run() {
    Piece piece{blob::Buffer(kSlowBytes)};
    while (true) {
      HF_CO_TRY(Pace pace, co_await fill(piece));
      if (pace == Pace::quick) {
        HF_CO_TRY(pace, co_await run_fast(std::move(piece)));
        if (pace == Pace::slow) piece = Piece{blob::Buffer(kSlowBytes)};
      } else {
        HF_CO_CHECK(co_await context_.services.pool.run([&] { return append(piece); }));
      }
      if (pace == Pace::ended) co_return ended();
    }
  }

 private:
  enum class Pace { slow, quick, ended };

  // Fills a piece as far as the body goes. An error of the body is kept for the end, so that what
  // came before it is appended.
  asio::awaitable<Result<Pace>> fill(Piece& piece) {
    const auto began = std::chrono::steady_clock::now();
    piece.bytes = 0;
    bool more = true;
    while (more && piece.bytes < piece.buffer.size()) {
      auto got = co_await context_.body.read_some(piece.buffer.span().subspan(piece.bytes));
      more = got && *got > 0;
      if (got) piece.bytes += *got;
      if (!got) broken_ = std::move(got).error();
    }
    received_ += piece.bytes;
    HF_CO_CHECK(share_.received(piece.bytes));
    HF_CO_CHECK(within_limits());
    if (!more) co_return Pace::ended;
    co_return std::chrono::steady_clock::now() - began < kQuick ? Pace::quick : Pace::slow;
  }

  // Until the body ends or its client turns out to be slow; then all pieces are appended.
  asio::awaitable<Result<Pace>> run_fast(Piece first) {
    using asio::experimental::awaitable_operators::operator&&;
    Pieces pieces(co_await asio::this_coro::executor, kPiecesBetween);
    pieces.try_send(error_code(), std::move(first));
    auto [filled, appended] = co_await (fill_pieces(pieces) && append_pieces(pieces));
    HF_CO_CHECK(appended);
    co_return filled;
  }

  asio::awaitable<Result<Pace>> fill_pieces(Pieces& pieces) {
    Result<Pace> pace = Pace::quick;
    bool taken = true;
    while (taken && pace && *pace == Pace::quick) {
      Piece piece{blob::Buffer(blob::Buffer::kLargeBytes)};
      pace = co_await fill(piece);
      if (pace && piece.bytes > 0) taken = co_await pass_on(pieces, std::move(piece));
    }
    if (taken) co_await pass_on(pieces, Piece());
    co_return pace;
  }

  // Waits while the disk is behind. False when appending has failed.
  static asio::awaitable<bool> pass_on(Pieces& pieces, Piece piece) {
    const auto [closed] = co_await pieces.async_send(error_code(), std::move(piece),
                                                     asio::as_tuple(asio::use_awaitable));
    co_return !closed;
  }

  // The thread stays with the upload while there are pieces.
  asio::awaitable<Result<void>> append_pieces(Pieces& pieces) {
    while (true) {
      auto [closed, piece] = co_await pieces.async_receive(asio::as_tuple(asio::use_awaitable));
      const auto ended = co_await context_.services.pool.run(
          [&]() -> Result<bool> { return append_ready(pieces, std::move(piece)); });
      if (!ended) pieces.close();
      if (!ended) co_return ended.error();
      if (*ended) co_return Result<void>();
    }
  }

  // Appends `piece` and those that follow, until none is ready (false) or the end has come (true).
  Result<bool> append_ready(Pieces& pieces, Piece piece) {
    while (piece.bytes > 0) {
      HF_CHECK(upload_.append(std::move(piece.buffer), piece.bytes));
      if (!pieces.try_receive([&](error_code, Piece next) { piece = std::move(next); })) {
        return false;
      }
    }
    return true;
  }

  Result<void> append(Piece& piece) {
    if (piece.bytes == 0) return {};
    return upload_.append(piece.buffer.span().first(piece.bytes));
  }

  [[nodiscard]] Result<void> within_limits() const {
    if (expected_ && received_ > *expected_) return length_differs();
    const std::uint64_t limit = context_.settings.blob_limit_bytes;
    if (limit == 0 || held_before_ + received_ <= limit) return {};
    return too_large(context_);
  }

  // The body's end: its error, if it broke off.
  Result<void> ended() {
    if (broken_) return *std::move(broken_);
    if (expected_ && received_ < *expected_) return length_differs();
    return {};
  }

  static Error length_differs() {
    return fail(ErrorCode::invalid, kSizeInvalid, "the body is not as long as Content-Range says");
  }

  Context context_;
  Upload& upload_;
  Limits::Upload share_;
  const std::optional<std::uint64_t> expected_;
  const std::uint64_t held_before_ = upload_.size_bytes();
  std::uint64_t received_ = 0;
  std::optional<Error> broken_;
};

}  // namespace

asio::awaitable<Result<void>> receive(Context context, const Granted& granted, Upload& upload) {
  const std::uint64_t limit = context.settings.blob_limit_bytes;
  const std::uint64_t announced = context.request.content_length.value_or(0);
  if (limit > 0 && upload.size_bytes() + announced > limit) co_return too_large(context);
  if (!context.request.has_body()) co_return Result<void>();
  HF_CO_TRY(api::Limits::Upload share,
            context.services.limits.begin_upload(granted.actor.account_id));
  Receiver receiver(context, upload, std::move(share));
  co_return co_await receiver.run();
}

}  // namespace holdfast::api::oci
