// GET, HEAD and DELETE of /v2/<name>/blobs/<digest>.
#include <fmt/format.h>

#include "api/oci/errors.hpp"
#include "api/oci/handlers.hpp"
#include "http/conditional.hpp"
#include "http/range.hpp"

namespace holdfast::api::oci {

namespace {

using http::RangeRequest;
using repos::StoredBlob;

// A blob's bytes for the server.
class BlobSource final : public http::ByteSource {
 public:
  explicit BlobSource(std::shared_ptr<blob::Reader> reader) : reader_(std::move(reader)) {}
  [[nodiscard]] std::optional<int> descriptor() const override { return reader_->descriptor(); }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    return reader_->read_at(offset, into);
  }

 private:
  std::shared_ptr<blob::Reader> reader_;
};

RangeRequest range_of(const http::Request& request, const StoredBlob& blob) {
  const RangeRequest whole{RangeRequest::Kind::whole, 0, blob.size_bytes};
  const auto field = request.field("range");
  if (!field) return whole;
  // A range of what the client remembers differently would mix two contents.
  if (const auto known = request.field("if-range");
      known && !http::matches_etag(*known, blob.digest.text())) {
    return whole;
  }
  return http::parse_range(*field, blob.size_bytes);
}

}  // namespace

Answer get_blob(Context context, Granted granted, std::string text) {
  const auto digest = holdfast::oci::Digest::parse(text);
  if (!digest) co_return error_response(digest.error());
  const std::int64_t repository_id = granted.repository->id;
  std::shared_ptr<const StoredBlob> blob =
      context.services.content.cached_blob(repository_id, *digest);
  if (!blob) {
    auto found = co_await context.services.pool.run(
        [&] { return context.services.content.blob(repository_id, *digest); });
    if (!found) co_return error_response(found.error());
    blob = *std::move(found);
  }
  // Who may push and hears that it is there will not upload it.
  if (context.request.method == http::Method::head && blob->unnamed_since &&
      Authorization(context.services).may_push(context.request, granted)) {
    const auto kept = co_await context.services.pool.run(
        [&] { return context.services.content.keep_for_push(repository_id, *blob); });
    if (!kept) co_return error_response(kept.error());
  }
  const std::string etag = "\"" + blob->digest.text() + "\"";
  const auto describe_blob = [&](http::Response& response) {
    response.field("Docker-Content-Digest", blob->digest.text())
        .field("ETag", etag)
        .field("Accept-Ranges", "bytes")
        .field("Cache-Control", "private, max-age=31536000, immutable");
  };
  if (http::matches_etag(context.request.field("if-none-match").value_or(""),
                         blob->digest.text())) {
    http::Response response(304);
    describe_blob(response);
    co_return response;
  }
  const RangeRequest range = range_of(context.request, *blob);
  if (range.kind == RangeRequest::Kind::unsatisfiable) {
    http::Response response =
        error_response(416, "RANGE_INVALID", "the blob has no bytes in that range");
    response.field("Content-Range", fmt::format("bytes */{}", blob->size_bytes));
    co_return response;
  }
  std::shared_ptr<blob::Reader> reader = context.services.blobs.opened(blob->key);
  if (!reader) {
    auto opened =
        co_await context.services.pool.run([&] { return context.services.blobs.open(blob->key); });
    if (!opened) co_return error_response(opened.error());
    reader = *std::move(opened);
  }
  const bool part = range.kind == RangeRequest::Kind::part;
  http::Response response(part ? 206 : 200);
  describe_blob(response);
  response.field("Content-Type", "application/octet-stream");
  if (part) {
    response.field("Content-Range",
                   fmt::format("bytes {}-{}/{}", range.offset,
                               range.offset + range.length_bytes - 1, blob->size_bytes));
  }
  response.source(
      {std::make_shared<BlobSource>(std::move(reader)), range.offset, range.length_bytes});
  co_return response;
}

Answer delete_blob(Context context, Granted granted, std::string text) {
  const auto digest = holdfast::oci::Digest::parse(text);
  if (!digest) co_return error_response(digest.error());
  const auto removed = co_await context.services.pool.run([&] {
    return context.services.content.remove_blob(*granted.repository, *digest, granted.actor);
  });
  if (!removed) co_return error_response(removed.error());
  co_return http::Response(202);
}

}  // namespace holdfast::api::oci
