#include "scanner/adapter_client.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cctype>
#include <charconv>
#include <fmt/format.h>
#include <utility>

#include "codec/json.hpp"
#include "codec/text.hpp"

namespace holdfast::scanner {

namespace {

namespace json = boost::json;

constexpr std::size_t kSmallAnswerBytes = 1UZ << 20U;
constexpr std::size_t kReportBytes = 64UZ << 20U;
constexpr std::size_t kMessageBytes = 512;
constexpr std::size_t kIdBytes = 256;
// A report that was made is sent at once; only a whole minute without a byte is too long.
constexpr std::chrono::milliseconds kCallAtMost{120'000};

constexpr std::string_view kAcceptMetadata =
    "application/vnd.scanner.adapter.metadata+json; version=1.1, "
    "application/vnd.scanner.adapter.metadata+json; version=1.0";
constexpr std::string_view kScanRequestType =
    "application/vnd.scanner.adapter.scan.request+json; version=1.1";

requests::Fields::value_type credential_field(Authentication authentication,
                                              std::string_view credential) {
  switch (authentication) {
    case Authentication::basic:
      return {"Authorization", fmt::format("Basic {}", codec::base64(credential))};
    case Authentication::bearer:
      return {"Authorization", fmt::format("Bearer {}", credential)};
    case Authentication::api_key:
      return {"X-ScannerAdapter-API-Key", std::string(credential)};
    case Authentication::none:
      break;
  }
  return {};
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char byte : text) {
    const auto code = static_cast<unsigned char>(byte);
    const bool is_plain =
        (code < 0x80 && std::isalnum(code) != 0) || std::string_view("-_~").contains(byte);
    out += is_plain ? std::string(1, byte) : fmt::format("%{:02X}", code);
  }
  return out;
}

std::optional<std::chrono::seconds> seconds_of(std::string_view text) {
  std::int32_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return std::chrono::seconds(number);
}

// {"error": {"message": …}}, or "".
std::string message_of(const std::string& body) {
  const auto parsed = codec::parse_json_within(body, 8, 16UZ << 20U);
  if (!parsed) return "";
  const json::value* error = codec::member(*parsed, "error");
  if (error == nullptr) return "";
  std::string text =
      codec::to_text(codec::string_member(*error, "message").value_or(""), kMessageBytes);
  std::ranges::replace_if(text, [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
  return text;
}

}  // namespace

AdapterClient::AdapterClient(const Registration& registration, std::string credential,
                             requests::Peer peer, std::chrono::steady_clock::time_point deadline,
                             Stop should_stop)
    : name_(registration.name),
      url_(registration.url + "/api/v1"),
      authentication_(registration.authentication),
      credential_(std::move(credential)),
      peer_(std::move(peer)),
      deadline_(deadline),
      should_stop_(std::move(should_stop)) {}

Error AdapterClient::failed(ErrorCode code, std::string_view what) const {
  return fail(code, kAdapterFailed, fmt::format("the scanner {}: {}", name_, what));
}

Error AdapterClient::refused(const requests::Answer& answer) const {
  std::string message = message_of(answer.body);
  // One that sends back what it was sent must not have it shown.
  for (const std::string_view secret :
       {std::string_view(credential_), std::string_view(authorization_)}) {
    if (!secret.empty() && message.contains(secret)) message = "(it repeats a secret)";
  }
  return failed(
      answer.status >= 500 ? ErrorCode::unavailable : ErrorCode::unsupported,
      fmt::format("it answers {}{}{}", answer.status, message.empty() ? "" : ": ", message));
}

Result<requests::Answer> AdapterClient::ask(requests::Request request, std::size_t answer_bytes) {
  if (authentication_ != Authentication::none) {
    request.fields.push_back(credential_field(authentication_, credential_));
  }
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline_ - std::chrono::steady_clock::now());
  if (left.count() <= 0) return failed(ErrorCode::timeout, "it did not end in time");
  auto answer = requests::send(request, peer_,
                               {.total = std::min(left, kCallAtMost), .answer_bytes = answer_bytes},
                               should_stop_);
  if (!answer) return failed(answer.error().code, answer.error().message);
  return answer;
}

Result<AdapterMetadata> AdapterClient::metadata() {
  HF_TRY(const requests::Answer answer,
         ask({.url = url_ + "/metadata", .fields = {{"Accept", std::string(kAcceptMetadata)}}},
             kSmallAnswerBytes));
  if (answer.status != 200) return refused(answer);
  auto metadata = parse_adapter_metadata(answer.body);
  if (!metadata) return failed(ErrorCode::corrupt, metadata.error().message);
  return metadata;
}

Result<std::string> AdapterClient::accept(const AdapterOrder& order,
                                          const AdapterMetadata::Capability& capability) {
  authorization_ = order.authorization.substr(order.authorization.find(' ') + 1);
  json::object artifact = {{"repository", order.repository},
                           {"digest", order.digest.text()},
                           {"mime_type", order.media_type}};
  if (!order.tag.empty()) artifact["tag"] = order.tag;
  json::object body = {{"registry", json::object{{"url", order.registry_url},
                                                 {"authorization", order.authorization}}},
                       {"artifact", std::move(artifact)}};
  // Adapters from before there were types may refuse what they do not know.
  if (!capability.type.empty()) {
    body["enabled_capabilities"] =
        json::array{json::object{{"type", capability.type},
                                 {"produces_mime_types", json::array{report_type_of(capability)}}}};
  }
  HF_TRY(const requests::Answer answer,
         ask({.method = "POST",
              .url = url_ + "/scan",
              .fields = {{"Content-Type", std::string(kScanRequestType)},
                         {"Accept",
                          "application/vnd.scanner.adapter.scan.response+json; "
                          "version=1.0"}},
              .body = json::serialize(body)},
             kSmallAnswerBytes));
  if (answer.status != 202 && answer.status != 200) return refused(answer);
  const auto parsed = codec::parse_json_within(answer.body, 8, 16UZ << 20U);
  std::string id(parsed ? codec::string_member(*parsed, "id").value_or("") : "");
  if (id.empty() || id.size() > kIdBytes) {
    return failed(ErrorCode::corrupt, "it took the image and gave no id for the report");
  }
  return id;
}

Result<AdapterClient::Poll> AdapterClient::report(std::string_view id, std::string_view type) {
  HF_TRY(const requests::Answer answer,
         ask({.url = fmt::format("{}/scan/{}/report", url_, percent_encoded(id)),
              .fields = {{"Accept", std::string(type)}}},
             kReportBytes));
  if (answer.status == 302) {
    return Poll{.refresh_after = seconds_of(answer.field("refresh-after"))};
  }
  if (answer.status != 200) return refused(answer);
  auto report = parse_adapter_report(answer.body);
  if (!report) {
    return failed(
        report.error().code == ErrorCode::too_large ? ErrorCode::too_large : ErrorCode::corrupt,
        report.error().message);
  }
  return Poll{.report = *std::move(report)};
}

}  // namespace holdfast::scanner
