// /v2/<name>/blobs/uploads/: sessions, monolithic, streamed and chunked uploads, mounts.
#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <chrono>
#include <fmt/format.h>
#include <utility>

#include "api/oci/errors.hpp"
#include "api/oci/handlers.hpp"
#include "blob/buffer.hpp"
#include "http/range.hpp"
#include "oci/media_type.hpp"

namespace holdfast::api::oci {

namespace {

using holdfast::oci::Digest;
using uploads::Upload;

// A slow client holds one small buffer. One that fills it at once gets larger ones, and two.
constexpr std::size_t kFirstBytes = 64UZ * 1024;
constexpr std::size_t kLargestBytes = 1024UZ * 1024;
constexpr std::chrono::milliseconds kQuick{50};
constexpr int kHoldersLooked = 100;

std::string session_location(const Granted& granted, std::string_view id) {
  return fmt::format("/v2/{}/blobs/uploads/{}", granted.repository->name.text(), id);
}

// Docker's convention: an empty session says 0-0 too.
std::string range_field(std::uint64_t size_bytes) {
  return fmt::format("0-{}", size_bytes == 0 ? 0 : size_bytes - 1);
}

http::Response session_response(int status, const Granted& granted, std::string_view id,
                                std::uint64_t size_bytes) {
  http::Response response(status);
  response.field("Location", session_location(granted, id))
      .field("Range", range_field(size_bytes))
      .field("Docker-Upload-UUID", id);
  return response;
}

http::Response created(const Granted& granted, const Digest& digest) {
  http::Response response(201);
  response
      .field("Location",
             fmt::format("/v2/{}/blobs/{}", granted.repository->name.text(), digest.text()))
      .field("Docker-Content-Digest", digest.text());
  return response;
}

// 416 that tells where the session stands.
http::Response out_of_order(const Granted& granted, std::string_view id, std::uint64_t size_bytes,
                            const Error& error) {
  http::Response response = error_response(error);
  response.field("Location", session_location(granted, id))
      .field("Range", range_field(size_bytes))
      .field("Docker-Upload-UUID", id);
  return response;
}

Error too_large(Context context) {
  context.services.limits.note(api::Limit::blob);
  return fail(ErrorCode::too_large, http::kBodyTooLarge,
              fmt::format("a blob has at most {} bytes", context.settings.blob_limit_bytes));
}

Error length_differs() {
  return fail(ErrorCode::invalid, kSizeInvalid, "the body is not as long as Content-Range says");
}

// How long a chunk says it is; check_chunk has seen to its form.
std::optional<std::uint64_t> chunk_length(const http::Request& request) {
  const auto range = http::parse_chunk_range(request.field("content-range").value_or(""));
  if (!range) return std::nullopt;
  return range->last - range->first + 1;
}

// What was read of a body into a buffer.
struct Filled {
  std::size_t bytes = 0;
  bool quick = false;  // the client is fast
  Result<std::size_t> last =
      std::size_t{0};  // of the read that ended it: 0 at the end, or an error
};

boost::asio::awaitable<Filled> fill(http::Body& body, std::span<std::byte> into) {
  const auto began = std::chrono::steady_clock::now();
  Filled filled;
  while (filled.bytes < into.size()) {
    filled.last = co_await body.read_some(into.subspan(filled.bytes));
    if (!filled.last || *filled.last == 0) break;
    filled.bytes += *filled.last;
  }
  filled.quick = std::chrono::steady_clock::now() - began < kQuick;
  co_return filled;
}

// The body into the session. While one buffer is hashed and written on the pool, the next is filled
// from the socket. What came before an error stays in the session.
boost::asio::awaitable<Result<void>> receive(Context context, const Granted& granted,
                                             Upload& upload) {
  const std::optional<std::uint64_t> expected = chunk_length(context.request);
  std::uint64_t received = 0;
  const std::uint64_t limit = context.settings.blob_limit_bytes;
  const std::uint64_t announced = context.request.content_length.value_or(0);
  if (limit > 0 && upload.size_bytes() + announced > limit) co_return too_large(context);
  if (!context.request.has_body()) co_return Result<void>();
  HF_CO_TRY(api::Limits::Upload share,
            context.services.limits.begin_upload(granted.actor.account_id));
  using boost::asio::experimental::awaitable_operators::operator&&;
  blob::Buffer buffer(kFirstBytes);
  blob::Buffer next;
  Filled filled = co_await fill(context.body, buffer.span());
  while (true) {
    received += filled.bytes;
    HF_CO_CHECK(share.received(filled.bytes));
    if (limit > 0 && upload.size_bytes() + filled.bytes > limit) co_return too_large(context);
    if (expected && received > *expected) co_return length_differs();
    const auto append = [&]() -> Result<void> {
      if (filled.bytes == 0) return {};
      return upload.append(buffer.span().first(filled.bytes));
    };
    if (!filled.last || *filled.last == 0) {
      HF_CO_CHECK(co_await context.services.pool.run(append));
      if (!filled.last) co_return std::move(filled.last).error();
      if (expected && received < *expected) co_return length_differs();
      co_return Result<void>();
    }
    if (!filled.quick) {
      // Nothing is gained by a second buffer; a large one goes when its bytes are written.
      HF_CO_CHECK(co_await context.services.pool.run(append));
      next = blob::Buffer();
      if (buffer.size() > kFirstBytes) buffer = blob::Buffer(kFirstBytes);
      filled = co_await fill(context.body, buffer.span());
      continue;
    }
    if (next.size() < std::min(kLargestBytes, 4 * buffer.size())) {
      next = blob::Buffer(std::min(kLargestBytes, 4 * buffer.size()));
    }
    auto [appended, more] =
        co_await (context.services.pool.run(append) && fill(context.body, next.span()));
    HF_CO_CHECK(appended);
    std::swap(buffer, next);
    filled = std::move(more);
  }
}

// Content-Range of a chunk against the session and the body's length. Nothing to say without one.
Result<void> check_chunk(const http::Request& request, const Upload& upload) {
  const auto field = request.field("content-range");
  if (!field) return {};
  const auto range = http::parse_chunk_range(*field);
  if (!range) {
    return fail(ErrorCode::out_of_range, uploads::kRangeInvalid,
                "Content-Range of a chunk has the form <first>-<last>");
  }
  HF_CHECK(upload.expect_at(range->first));
  if (request.content_length && *request.content_length != range->last - range->first + 1) {
    return fail(ErrorCode::invalid, kSizeInvalid, "Content-Length and Content-Range differ");
  }
  return {};
}

http::Response chunk_refusal(const Granted& granted, const Upload& upload, const Error& error) {
  if (error.code == ErrorCode::out_of_range) {
    return out_of_order(granted, upload.id(), upload.size_bytes(), error);
  }
  return error_response(error);
}

// Whether a PATCH's type may be: none (dockerd), octet-stream; the rest is a mistake.
bool is_chunk_type(const http::Request& request) {
  const std::string type =
      holdfast::oci::without_parameters(request.field("content-type").value_or(""));
  return type.empty() || type == "application/octet-stream";
}

boost::asio::awaitable<Result<void>> finish(Context context, const Granted& granted, Upload upload,
                                            const Digest& digest) {
  co_return co_await context.services.pool.run([&] {
    return context.services.uploads.finish(std::move(upload), *granted.repository, digest);
  });
}

// A mount: from the named repository, or from any that the caller may pull from. Nothing when it is
// not possible; the reason is nobody's business.
boost::asio::awaitable<bool> mount(Context context, const Granted& granted, const Digest& digest) {
  const auto from = context.query.value("from");
  const Authorization authorization(context.services, context.settings);
  co_return co_await context.services.pool.run([&]() -> bool {
    std::vector<repos::Repository> sources;
    if (from) {
      const auto name = holdfast::oci::RepositoryName::parse(*from);
      if (!name) return false;
      const auto found = context.services.repositories.find(*name);
      if (!found) return false;
      sources.push_back(**found);
    } else {
      auto holders = context.services.content.holders(digest, kHoldersLooked);
      if (!holders) return false;
      sources = *std::move(holders);
    }
    for (const repos::Repository& source : sources) {
      if (!authorization.may_pull(context.request, granted.caller, source)) continue;
      if (context.services.content.mount(source, *granted.repository, digest)) return true;
    }
    return false;
  });
}

// POST …?digest=: the whole blob in one request. No session is left behind, whatever happens.
Answer upload_at_once(Context context, Granted granted, Upload upload, Digest digest) {
  const std::string id = upload.id();
  Result<void> outcome = co_await receive(context, granted, upload);
  if (outcome) {
    outcome = co_await finish(context, granted, std::move(upload), digest);
  } else {
    const Upload closed = std::move(upload);
  }
  if (outcome) co_return created(granted, digest);
  (void)co_await context.services.pool.run(
      [&] { return context.services.uploads.cancel(*granted.repository, id); });
  co_return error_response(outcome.error());
}

}  // namespace

Answer begin_upload(Context context, Granted granted) {
  if (const auto text = context.query.value("mount")) {
    const auto digest = Digest::parse(*text);
    if (!digest) co_return error_response(digest.error());
    if (co_await mount(context, granted, *digest)) co_return created(granted, *digest);
  }
  std::optional<Digest> whole;
  if (const auto text = context.query.value("digest")) {
    auto digest = Digest::parse(*text);
    if (!digest) co_return error_response(digest.error());
    whole = *std::move(digest);
  }
  holdfast::oci::Algorithm algorithm =
      whole ? whole->algorithm() : holdfast::oci::Algorithm::sha256;
  if (const auto text = context.query.value("digest-algorithm")) {
    const auto named = holdfast::oci::parse_algorithm(*text);
    if (!named) co_return error_response(named.error());
    algorithm = *named;
  }
  auto upload = co_await context.services.pool.run([&] {
    return context.services.uploads.begin(*granted.repository, algorithm, granted.actor);
  });
  if (!upload) co_return error_response(upload.error());
  if (whole) {
    co_return co_await upload_at_once(context, std::move(granted), *std::move(upload),
                                      *std::move(whole));
  }
  co_return session_response(202, granted, upload->id(), 0);
}

Answer upload_status(Context context, Granted granted, std::string id) {
  const auto size = co_await context.services.pool.run(
      [&] { return context.services.uploads.size(*granted.repository, id); });
  if (!size) co_return error_response(size.error());
  co_return session_response(204, granted, id, *size);
}

Answer patch_upload(Context context, Granted granted, std::string id) {
  if (!is_chunk_type(context.request)) {
    co_return error_response(400, "BLOB_UPLOAD_INVALID",
                             "a chunk is of type application/octet-stream");
  }
  auto upload = co_await context.services.pool.run(
      [&] { return context.services.uploads.open(*granted.repository, id); });
  if (!upload) co_return error_response(upload.error());
  if (const auto fits = check_chunk(context.request, *upload); !fits) {
    co_return chunk_refusal(granted, *upload, fits.error());
  }
  if (const auto received = co_await receive(context, granted, *upload); !received) {
    co_return error_response(received.error());
  }
  co_return session_response(202, granted, id, upload->size_bytes());
}

Answer put_upload(Context context, Granted granted, std::string id) {
  const auto digest = Digest::parse(context.query.value("digest").value_or(""));
  if (!digest) co_return error_response(digest.error());
  auto upload = co_await context.services.pool.run(
      [&] { return context.services.uploads.open(*granted.repository, id); });
  if (!upload) co_return error_response(upload.error());
  if (const auto fits = check_chunk(context.request, *upload); !fits) {
    co_return chunk_refusal(granted, *upload, fits.error());
  }
  if (const auto received = co_await receive(context, granted, *upload); !received) {
    co_return error_response(received.error());
  }
  const auto finished = co_await finish(context, granted, *std::move(upload), *digest);
  if (!finished) co_return error_response(finished.error());
  co_return created(granted, *digest);
}

Answer cancel_upload(Context context, Granted granted, std::string id) {
  const auto cancelled = co_await context.services.pool.run(
      [&] { return context.services.uploads.cancel(*granted.repository, id); });
  if (!cancelled) co_return error_response(cancelled.error());
  co_return http::Response(204);
}

}  // namespace holdfast::api::oci
