#include "api/oci/errors.hpp"

#include <array>

#include "accounts/authenticator.hpp"
#include "base/log.hpp"
#include "blob/store.hpp"
#include "codec/json.hpp"
#include "http/message.hpp"
#include "oci/digest.hpp"
#include "oci/manifest.hpp"
#include "oci/name.hpp"
#include "repos/content.hpp"
#include "uploads/uploads.hpp"

namespace holdfast::api::oci {

namespace {

struct Mapped {
  int status;
  std::string_view code;
};

// By reason, where it says more than the code.
constexpr std::array<std::pair<std::string_view, Mapped>, 22> kByReason = {{
    {holdfast::oci::kDigestInvalid, {400, "DIGEST_INVALID"}},
    {holdfast::oci::kNameInvalid, {400, "NAME_INVALID"}},
    {holdfast::oci::kTagInvalid, {400, "TAG_INVALID"}},
    {holdfast::oci::kManifestInvalid, {400, "MANIFEST_INVALID"}},
    {repos::kManifestDigestMismatch, {400, "DIGEST_INVALID"}},
    {repos::kManifestBlobUnknown, {400, "MANIFEST_BLOB_UNKNOWN"}},
    {repos::kManifestUnknown, {404, "MANIFEST_UNKNOWN"}},
    {repos::kBlobUnknown, {404, "BLOB_UNKNOWN"}},
    {repos::kBlobInUse, {405, "UNSUPPORTED"}},
    {repos::kRepositoryUnknown, {404, "NAME_UNKNOWN"}},
    {repos::kNamespaceUnknown, {404, "NAME_UNKNOWN"}},
    {uploads::kUploadUnknown, {404, "BLOB_UPLOAD_UNKNOWN"}},
    // Clients try a 503 again after a while; by then the other writer is done or gone.
    {uploads::kUploadBusy, {503, "UNAVAILABLE"}},
    {uploads::kRangeInvalid, {416, "RANGE_INVALID"}},
    {blob::kDigestMismatch, {400, "DIGEST_INVALID"}},
    {blob::kSessionMissing, {404, "BLOB_UPLOAD_UNKNOWN"}},
    {blob::kBlobMissing, {500, "UNKNOWN"}},  // the database knows it: never "not found"
    {blob::kStorageFull, {507, "UNAVAILABLE"}},
    {kSizeInvalid, {400, "SIZE_INVALID"}},
    {http::kBodyTooLarge, {413, "SIZE_INVALID"}},
    {http::kBodyMalformed, {400, "BLOB_UPLOAD_INVALID"}},
    {http::kBodyTruncated, {400, "BLOB_UPLOAD_INVALID"}},
}};

Mapped by_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::not_found:
      return {404, "NAME_UNKNOWN"};
    case ErrorCode::already_exists:
    case ErrorCode::conflict:
      return {409, "UNSUPPORTED"};
    case ErrorCode::invalid:
      return {400, "UNSUPPORTED"};
    case ErrorCode::unauthenticated:
      return {401, "UNAUTHORIZED"};
    case ErrorCode::denied:
    case ErrorCode::quota:
      return {403, "DENIED"};
    case ErrorCode::rate_limited:
      return {429, "TOOMANYREQUESTS"};
    case ErrorCode::too_large:
      return {413, "SIZE_INVALID"};
    case ErrorCode::out_of_range:
      return {416, "RANGE_INVALID"};
    case ErrorCode::no_space:
      return {507, "UNAVAILABLE"};
    case ErrorCode::read_only:
    case ErrorCode::unsupported:
      return {405, "UNSUPPORTED"};
    case ErrorCode::unavailable:
      return {503, "UNAVAILABLE"};
    case ErrorCode::timeout:
      return {408, "UNAVAILABLE"};
    case ErrorCode::corrupt:
    case ErrorCode::internal:
      return {500, "UNKNOWN"};
  }
  return {500, "UNKNOWN"};
}

Mapped map(const Error& error) {
  for (const auto& [reason, mapped] : kByReason) {
    if (reason == error.reason) return mapped;
  }
  return by_code(error.code);
}

void append_entry(std::string& body, std::string_view code, std::string_view message,
                  std::string_view detail_json) {
  if (!body.ends_with('[')) body += ',';
  body += R"({"code":)";
  codec::append_json_string(body, code);
  body += R"(,"message":)";
  codec::append_json_string(body, message);
  if (!detail_json.empty()) body.append(R"(,"detail":)").append(detail_json);
  body += '}';
}

http::Response response_of(int status, std::string entries) {
  http::Response response(status);
  response.field("Content-Type", "application/json").text(std::move(entries) + "]}\n");
  return response;
}

}  // namespace

http::Response error_response(int status, std::string_view code, std::string_view message,
                              std::string_view detail_json) {
  std::string body = R"({"errors":[)";
  append_entry(body, code, message, detail_json);
  return response_of(status, std::move(body));
}

http::Response error_response(const Error& error) {
  const Mapped mapped = map(error);
  if (mapped.status == 500) {
    log::error("a request failed", {{"error", describe(error)}});
    return error_response(500, mapped.code, "internal error; the server's log says more");
  }
  if (mapped.status == 507 || mapped.status == 503) {
    log::warn("a request could not be served", {{"error", describe(error)}});
  }
  std::string body = R"({"errors":[)";
  for (const std::string& detail : error.details) {
    std::string json;
    codec::append_json_string(json, detail);
    append_entry(body, mapped.code, error.message, json);
  }
  if (error.details.empty()) append_entry(body, mapped.code, error.message, {});
  http::Response response = response_of(mapped.status, std::move(body));
  if (error.code == ErrorCode::rate_limited && !error.details.empty()) {
    response.field("Retry-After", error.details.front());
  } else if (mapped.status == 503) {
    response.field("Retry-After", "1");
  }
  return response;
}

}  // namespace holdfast::api::oci
