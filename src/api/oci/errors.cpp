#include "api/oci/errors.hpp"

#include <array>

#include "accounts/authenticator.hpp"
#include "api/common/errors.hpp"
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
constexpr std::array<std::pair<std::string_view, Mapped>, 23> kByReason = {{
    {holdfast::oci::kDigestInvalid, {400, "DIGEST_INVALID"}},
    {holdfast::oci::kNameInvalid, {400, "NAME_INVALID"}},
    {holdfast::oci::kTagInvalid, {400, "TAG_INVALID"}},
    {holdfast::oci::kManifestInvalid, {400, "MANIFEST_INVALID"}},
    {repos::kManifestDigestMismatch, {400, "DIGEST_INVALID"}},
    {repos::kManifestBlobUnknown, {400, "MANIFEST_BLOB_UNKNOWN"}},
    {repos::kManifestUnknown, {404, "MANIFEST_UNKNOWN"}},
    // As Harbor answers; dockerd shows the sentence and does not try again.
    {repos::kTagImmutable, {412, "DENIED"}},
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

// The word for a status where the reason does not say more.
std::string_view word_of(int status) {
  switch (status) {
    case 400:
    case 405:
    case 409:
      return "UNSUPPORTED";
    case 401:
      return "UNAUTHORIZED";
    case 403:
      return "DENIED";
    case 404:
      return "NAME_UNKNOWN";
    case 408:
    case 503:
    case 507:
      return "UNAVAILABLE";
    case 413:
      return "SIZE_INVALID";
    case 416:
      return "RANGE_INVALID";
    case 429:
      return "TOOMANYREQUESTS";
    default:
      return "UNKNOWN";
  }
}

Mapped map(const Error& error) {
  for (const auto& [reason, mapped] : kByReason) {
    if (reason == error.reason) return mapped;
  }
  const int status = status_of(error.code);
  return {status, word_of(status)};
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
  add_retry_after(response, error);
  return response;
}

}  // namespace holdfast::api::oci
