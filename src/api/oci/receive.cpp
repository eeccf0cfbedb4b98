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
constexpr std::size_t kPieceBytes = 1024UZ * 1024;
constexpr std::size_t kPieces = 3;
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

using Channel = asio::experimental::concurrent_channel<void(error_code, Piece)>;

// Between the loop that fills pieces and the thread that appends them. No end holds more than all
// of them and the mark of the end, so that sending never waits.
struct Ring {
  explicit Ring(const asio::any_io_executor& loop)
      : empty(loop, kPieces), full(loop, kPieces + 2) {}
  Channel empty;  // closed when appending has failed
  Channel full;
};

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
    Ring ring(co_await asio::this_coro::executor);
    ring.full.try_send(error_code(), std::move(first));
    auto [filled, appended] = co_await (fill_ring(ring) && empty_ring(ring));
    HF_CO_CHECK(appended);
    co_return filled;
  }

  asio::awaitable<Result<Pace>> fill_ring(Ring& ring) {
    Result<Pace> pace = Pace::quick;
    std::size_t made = 0;
    while (pace && *pace == Pace::quick) {
      Piece piece;
      const bool reused =
          ring.empty.try_receive([&](error_code, Piece back) { piece = std::move(back); });
      if (!reused && made < kPieces) {
        piece.buffer = blob::Buffer(kPieceBytes);
        ++made;
      } else if (!reused) {
        auto [failed, back] =
            co_await ring.empty.async_receive(asio::as_tuple(asio::use_awaitable));
        if (failed) break;
        piece = std::move(back);
      }
      pace = co_await fill(piece);
      if (pace && piece.bytes > 0) ring.full.try_send(error_code(), std::move(piece));
    }
    ring.full.try_send(error_code(), Piece());
    co_return pace;
  }

  // The thread stays with the upload while there are pieces.
  asio::awaitable<Result<void>> empty_ring(Ring& ring) {
    while (true) {
      auto [failed, piece] = co_await ring.full.async_receive(asio::as_tuple(asio::use_awaitable));
      if (failed) co_return Result<void>();
      const auto end = co_await context_.services.pool.run(
          [&]() -> Result<bool> { return append_ready(ring, std::move(piece)); });
      if (!end) ring.empty.close();
      if (!end) co_return end.error();
      if (*end) co_return Result<void>();
    }
  }

  // Appends `piece` and those that follow, until none is ready (false) or the end has come (true).
  Result<bool> append_ready(Ring& ring, Piece piece) {
    while (piece.bytes > 0) {
      HF_CHECK(append(piece));
      if (piece.buffer.size() == kPieceBytes) ring.empty.try_send(error_code(), std::move(piece));
      if (!ring.full.try_receive([&](error_code, Piece next) { piece = std::move(next); })) {
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
