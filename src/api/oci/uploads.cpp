// /v2/<name>/blobs/uploads/: sessions, monolithic, streamed and chunked uploads, mounts.
#include <fmt/format.h>
#include <utility>

#include "api/oci/errors.hpp"
#include "api/oci/handlers.hpp"
#include "api/oci/receive.hpp"
#include "http/range.hpp"
#include "oci/media_type.hpp"

namespace holdfast::api::oci {

namespace {

using holdfast::oci::Digest;
using uploads::Upload;

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
  const Authorization authorization(context.services);
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
