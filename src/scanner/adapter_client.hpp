// The client of Harbor's scanner adapter API v1.2: one call each.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "oci/digest.hpp"
#include "requests/requests.hpp"
#include "scanner/adapter_report.hpp"
#include "scanner/registrations.hpp"

namespace holdfast::scanner {

// Of unavailable, timeout, denied, corrupt, too_large or unsupported: what went wrong with an
// adapter, in a sentence without secrets.
inline constexpr std::string_view kAdapterFailed = "scanner_adapter_failed";

// What an adapter is asked to scan, and how it gets at it.
struct AdapterOrder {
  std::string registry_url;   // "https://dtr.mydns.com"
  std::string authorization;  // "Bearer …"
  std::string repository;     // "acme/app"
  std::string tag;            // may be empty
  oci::Digest digest;
  std::string media_type;
};

// One adapter. For one thread at a time; blocks.
class AdapterClient {
 public:
  using Stop = std::function<bool()>;
  // `peer` as the registration and the settings say; `deadline`: no call ends later.
  AdapterClient(const Registration& registration, std::string credential, requests::Peer peer,
                std::chrono::steady_clock::time_point deadline, Stop should_stop);

  Result<AdapterMetadata> metadata();
  // Gives the image to it; the id that its report is asked for by.
  Result<std::string> accept(const AdapterOrder& order,
                             const AdapterMetadata::Capability& capability);
  struct Poll {
    std::optional<AdapterReport> report{};  // nothing: not yet
    // How long it wants to be left alone; nothing: it does not say.
    std::optional<std::chrono::seconds> refresh_after{};
  };
  Result<Poll> report(std::string_view id, std::string_view type);

 private:
  Result<requests::Answer> ask(requests::Request request, std::size_t answer_bytes);
  [[nodiscard]] Error failed(ErrorCode code, std::string_view what) const;
  [[nodiscard]] Error refused(const requests::Answer& answer) const;

  const std::string name_;
  const std::string url_;  // with "/api/v1"
  const Authentication authentication_;
  const std::string credential_;
  const requests::Peer peer_;
  const std::chrono::steady_clock::time_point deadline_;
  const Stop should_stop_;
  std::string authorization_{};  // of the last order: an adapter may send it back in an error
};

}  // namespace holdfast::scanner
