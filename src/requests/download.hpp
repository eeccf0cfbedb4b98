// One file from a URL, by libcurl.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace holdfast::requests {

inline constexpr std::string_view kDownloadUnreachable =
    "feed_unreachable";                                                  // unavailable, timeout
inline constexpr std::string_view kDownloadRefused = "feed_refused";     // invalid
inline constexpr std::string_view kDownloadTooLarge = "feed_too_large";  // too_large
inline constexpr std::string_view kDownloadStopped = "feed_stopped";     // timeout
inline constexpr std::string_view kDownloadNoRoom = "feed_no_room";      // no_space

struct DownloadOptions {
  std::string ca_file{};  // authorities beside those of the system; "": none
  std::uint64_t limit_bytes = 4ULL << 30U;
  std::chrono::seconds stall{60};  // without a byte
  std::chrono::seconds total{3600};
  std::string agent = "holdfast";
};

// Without one for http and https those of the environment count: http_proxy, https_proxy, no_proxy.
struct Proxies {
  std::string http{};  // "http://proxy.example:3128"
  std::string https{};
  std::string none{};  // hosts by commas that are asked directly
};

// What says that a file is as it was.
struct Validators {
  std::string etag{};
  std::string last_modified{};
};

struct Downloaded {
  bool is_modified = true;  // false: as the validators say; nothing came
  Validators validators{};
  std::uint64_t bytes = 0;
  std::string digest{};  // SHA-256 in hex
};

// One thread. Blocks. Connections are used again between two files of one host.
class Downloader {
 public:
  Downloader(DownloadOptions options, Proxies proxies);
  ~Downloader();
  Downloader(const Downloader&) = delete;
  Downloader& operator=(const Downloader&) = delete;

  // Bytes so far, and all that were announced, or 0; false: stop. Called about once a second.
  using GoOn = std::function<bool(std::uint64_t bytes, std::uint64_t of)>;

  // To `path`, which must not exist and is gone after an error. The errors' sentences name no host:
  // what libcurl says is in their details. A redirect leads to https or, from http, to http; to
  // nothing else. Not synced: whoever reads it does so now.
  Result<Downloaded> get(const std::string& url, const Validators& known, const std::string& path,
                         const GoOn& go_on);

 private:
  struct Native;
  std::unique_ptr<Native> native_;
};

}  // namespace holdfast::requests
