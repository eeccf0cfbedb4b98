// GET, HEAD, PUT and DELETE of /v2/<name>/manifests/<reference>.
#include <fmt/format.h>

#include "api/oci/errors.hpp"
#include "api/oci/handlers.hpp"
#include "http/conditional.hpp"
#include "repos/content.hpp"

namespace holdfast::api::oci {

namespace {

using repos::StoredManifest;

events::Event pull_of(const Granted& granted, const StoredManifest& manifest,
                      std::string_view reference) {
  events::Event event;
  event.type = events::Type::manifest_pulled;
  event.actor = granted.actor;
  event.repository = granted.repository->name.text();
  event.digest = manifest.digest.text();
  event.media_type = manifest.media_type;
  if (reference.find(':') == std::string_view::npos) event.tag = reference;
  return event;
}

http::Response manifest_response(const http::Request& request, const StoredManifest& manifest) {
  const bool unchanged =
      http::matches_etag(request.field("if-none-match").value_or(""), manifest.digest.text());
  http::Response response(unchanged ? 304 : 200);
  response.field("Docker-Content-Digest", manifest.digest.text())
      .field("ETag", "\"" + manifest.digest.text() + "\"");
  if (!unchanged) response.field("Content-Type", manifest.media_type).shared_text(manifest.bytes);
  return response;
}

// Tags of `?tag=a&tag=b` on a push by digest (distribution-spec, draft of 1.2).
Result<std::vector<holdfast::oci::Tag>> query_tags(const http::Form& query) {
  std::vector<holdfast::oci::Tag> tags;
  for (const std::string_view text : query.values("tag")) {
    HF_TRY(holdfast::oci::Tag tag, holdfast::oci::Tag::parse(text));
    tags.push_back(std::move(tag));
  }
  return tags;
}

}  // namespace

Answer get_manifest(Context context, Granted granted, std::string reference) {
  std::shared_ptr<const StoredManifest> manifest =
      context.services.content.cached_manifest(granted.repository->id, reference);
  if (!manifest) {
    const auto parsed = repos::parse_reference(reference);
    if (!parsed) co_return error_response(parsed.error());
    auto found = co_await context.services.pool.run(
        [&] { return context.services.content.manifest(granted.repository->id, *parsed); });
    if (!found) co_return error_response(found.error());
    manifest = *std::move(found);
  }
  // Who may push and hears by its digest that it is there will not push it, but name it in an
  // index.
  const bool by_digest = reference.find(':') != std::string::npos;
  if (by_digest && context.request.method == http::Method::head &&
      !context.services.content.is_promised(*manifest) &&
      Authorization(context.services).may_push(context.request, granted)) {
    const auto kept = co_await context.services.pool.run(
        [&] { return context.services.content.keep_for_push(granted.repository->id, *manifest); });
    if (!kept) co_return error_response(kept.error());
  }
  if (!http::accepts(context.request.fields_named("accept"), manifest->media_type)) {
    co_return error_response(
        404, "MANIFEST_UNKNOWN",
        fmt::format("the manifest is of type {}, which the Accept header leaves out",
                    manifest->media_type));
  }
  if (context.request.method == http::Method::get) {
    context.services.counted.record(pull_of(granted, *manifest, reference));
  }
  co_return manifest_response(context.request, *manifest);
}

Answer put_manifest(Context context, Granted granted, std::string reference) {
  const auto parsed = repos::parse_reference(reference);
  if (!parsed) co_return error_response(parsed.error());
  repos::PutManifest put;
  auto tags = query_tags(context.query);
  if (!tags) co_return error_response(tags.error());
  if (const auto* tag = std::get_if<holdfast::oci::Tag>(&*parsed)) {
    put.tags = {*tag};
    tags->clear();
  } else {
    put.tags = *tags;
    put.digest = std::get<holdfast::oci::Digest>(*parsed);
  }
  put.content_type = context.request.field("content-type").value_or("");
  const std::size_t limit = context.settings.manifest_limit_bytes;
  const auto too_large = [&] {
    context.services.limits.note(api::Limit::manifest);
    return error_response(413, "MANIFEST_INVALID",
                          fmt::format("a manifest has at most {} bytes", limit));
  };
  if (context.request.content_length.value_or(0) > limit) co_return too_large();
  auto bytes = co_await context.body.read_all(limit);
  if (!bytes && bytes.error().reason == http::kBodyTooLarge) co_return too_large();
  if (!bytes) co_return error_response(bytes.error());
  put.bytes = *std::move(bytes);
  const auto stored = co_await context.services.pool.run(
      [&] { return context.services.content.put(*granted.repository, put, granted.actor); });
  if (!stored && stored.error().reason == repos::kTooManyTags) {
    context.services.limits.note(api::Limit::tags);
  }
  if (!stored) co_return error_response(stored.error());
  http::Response response(201);
  response
      .field("Location", fmt::format("/v2/{}/manifests/{}", granted.repository->name.text(),
                                     stored->digest.text()))
      .field("Docker-Content-Digest", stored->digest.text());
  const std::optional<holdfast::oci::Digest>& subject = stored->subject;
  if (subject.has_value()) response.field("OCI-Subject", subject->text());
  for (const holdfast::oci::Tag& tag : *tags) response.field("OCI-Tag", tag.text());
  co_return response;
}

Answer delete_manifest(Context context, Granted granted, std::string reference) {
  const auto parsed = repos::parse_reference(reference);
  if (!parsed) co_return error_response(parsed.error());
  const auto removed = co_await context.services.pool.run(
      [&] { return context.services.content.remove(*granted.repository, *parsed, granted.actor); });
  if (!removed) co_return error_response(removed.error());
  co_return http::Response(202);
}

}  // namespace holdfast::api::oci
