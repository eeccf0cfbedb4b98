#include "requests/download.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <curl/curl.h>
#include <fmt/format.h>
#include <optional>
#include <span>
#include <unistd.h>
#include <utility>

#include "codec/text.hpp"
#include "crypto/hash.hpp"

namespace holdfast::requests {

namespace {

constexpr long kRedirects = 5;
constexpr long kConnectSeconds = 30;
constexpr std::size_t kValidatorBytes = 512;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, FreeList>;

// One file on its way.
struct Transfer {
  std::unique_ptr<std::FILE, CloseFile> file{};
  const Downloader::GoOn& go_on;
  std::uint64_t limit_bytes = 0;
  std::uint64_t bytes = 0;
  bool is_too_large = false;
  crypto::Hasher hasher{crypto::HashAlgorithm::sha256};

  static std::size_t write(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::span bytes(data, size * count);
    transfer.bytes += bytes.size();
    transfer.is_too_large = transfer.bytes > transfer.limit_bytes;
    if (transfer.is_too_large) return 0;
    transfer.hasher.update(std::as_bytes(bytes));
    return std::fwrite(data, 1, bytes.size(), transfer.file.get());
  }
  static int progress(void* self, curl_off_t of, curl_off_t bytes, curl_off_t, curl_off_t) {
    const auto& transfer = *static_cast<Transfer*>(self);
    return transfer.go_on(static_cast<std::uint64_t>(bytes), static_cast<std::uint64_t>(of)) ? 0
                                                                                             : 1;
  }
};

// What may be sent back in a header, and stand in a column.
std::string clean(const char* value) {
  const std::string_view text = value == nullptr ? "" : value;
  const bool is_fine =
      text.size() <= kValidatorBytes &&
      std::ranges::all_of(text, [](unsigned char c) { return c >= ' ' && c < 0x7f; });
  return is_fine ? std::string(text) : std::string();
}

std::string header(CURL* handle, const char* name) {
  curl_header* found = nullptr;
  if (curl_easy_header(handle, name, 0, CURLH_HEADER, -1, &found) != CURLHE_OK) return {};
  return clean(found->value);
}

Error failed(ErrorCode code, std::string_view reason, std::string message, std::string_view more) {
  return fail(code, reason, std::move(message),
              more.empty() ? std::vector<std::string>() : std::vector{std::string(more)});
}

}  // namespace

struct Downloader::Native {
  CURL* handle = nullptr;
  DownloadOptions options;
  Proxies proxies;
  std::array<char, CURL_ERROR_SIZE> complaint{};

  void set_up(const std::string& url, Transfer& transfer, curl_slist* headers) {
    curl_easy_reset(handle);
    complaint[0] = '\0';
    const bool is_https = url.starts_with("https://");
    const auto set = [&](CURLoption option, auto value) {
      curl_easy_setopt(handle, option, value);
    };
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_REDIR_PROTOCOLS_STR, is_https ? "https" : "http,https");
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, kRedirects);
    set(CURLOPT_FAILONERROR, 1L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    // The folder of the system's authorities stays beside it.
    if (!options.ca_file.empty()) {
      set(CURLOPT_CAINFO, options.ca_file.c_str());
      set(CURLOPT_PROXY_CAINFO, options.ca_file.c_str());
    }
    set(CURLOPT_CONNECTTIMEOUT, std::min<long>(kConnectSeconds, options.stall.count()));
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.stall.count()));
    set(CURLOPT_TIMEOUT, static_cast<long>(options.total.count()));
    set(CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(options.limit_bytes));
    set(CURLOPT_USERAGENT, options.agent.c_str());
    set(CURLOPT_HTTPHEADER, headers);
    set(CURLOPT_ERRORBUFFER, complaint.data());
    set(CURLOPT_WRITEFUNCTION, &Transfer::write);
    set(CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &Transfer::progress);
    set(CURLOPT_XFERINFODATA, static_cast<void*>(&transfer));
    if (!proxies.http.empty() || !proxies.https.empty()) {
      set(CURLOPT_PROXY, (is_https ? proxies.https : proxies.http).c_str());
      set(CURLOPT_NOPROXY, proxies.none.c_str());
    } else if (!proxies.none.empty()) {
      set(CURLOPT_NOPROXY, proxies.none.c_str());
    }
  }

  [[nodiscard]] Error problem(CURLcode code, const Transfer& transfer) const {
    const std::string_view more(complaint.data());
    if (transfer.is_too_large || code == CURLE_FILESIZE_EXCEEDED) {
      return failed(ErrorCode::too_large, kDownloadTooLarge,
                    fmt::format("it has more than {}",
                                codec::size_text(static_cast<double>(options.limit_bytes))),
                    more);
    }
    switch (code) {
      case CURLE_HTTP_RETURNED_ERROR:
        return refusal(more);
      case CURLE_ABORTED_BY_CALLBACK:
        return failed(ErrorCode::timeout, kDownloadStopped, "the download was stopped", "");
      case CURLE_OPERATION_TIMEDOUT:
        return late(more);
      case CURLE_COULDNT_RESOLVE_HOST:
      case CURLE_COULDNT_RESOLVE_PROXY:
        return failed(ErrorCode::unavailable, kDownloadUnreachable,
                      "its host's address is not known", more);
      case CURLE_COULDNT_CONNECT:
        return failed(ErrorCode::unavailable, kDownloadUnreachable, "its host cannot be reached",
                      more);
      case CURLE_PEER_FAILED_VERIFICATION:
        return failed(ErrorCode::invalid, kDownloadRefused, "its host's certificate is not trusted",
                      more);
      case CURLE_SSL_CACERT_BADFILE:
        return failed(ErrorCode::invalid, kDownloadRefused,
                      "the file of authorities (advisories.ca) cannot be read", more);
      case CURLE_UNSUPPORTED_PROTOCOL:
        return failed(ErrorCode::invalid, kDownloadRefused,
                      "it leads to a URL of another scheme, which is not followed", more);
      case CURLE_TOO_MANY_REDIRECTS:
        return failed(ErrorCode::invalid, kDownloadRefused,
                      "it leads from URL to URL without an end", more);
      case CURLE_WRITE_ERROR:
        return failed(ErrorCode::no_space, kDownloadNoRoom, "there is no room for the file", more);
      default:
        return failed(ErrorCode::unavailable, kDownloadUnreachable,
                      fmt::format("the connection failed: {}", curl_easy_strerror(code)), more);
    }
  }

 private:
  // Whether to try again soon is the server's word.
  [[nodiscard]] Error refusal(std::string_view more) const {
    long status = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    const bool passes = status >= 500 || status == 408 || status == 429;
    return failed(passes ? ErrorCode::unavailable : ErrorCode::invalid,
                  passes ? kDownloadUnreachable : kDownloadRefused,
                  fmt::format("its host answers {}", status), more);
  }

  [[nodiscard]] Error late(std::string_view more) const {
    double seconds = 0;
    curl_easy_getinfo(handle, CURLINFO_TOTAL_TIME, &seconds);
    const bool is_total = seconds + 1 >= static_cast<double>(options.total.count());
    return failed(ErrorCode::timeout, kDownloadUnreachable,
                  is_total ? fmt::format("it took more than {} s", options.total.count())
                           : fmt::format("nothing came for {} s", options.stall.count()),
                  more);
  }
};

Downloader::Downloader(DownloadOptions options, Proxies proxies)
    : native_(std::make_unique<Native>()) {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (started == CURLE_OK) native_->handle = curl_easy_init();
  native_->options = std::move(options);
  native_->proxies = std::move(proxies);
}

Downloader::~Downloader() { curl_easy_cleanup(native_->handle); }

Result<Downloaded> Downloader::get(const std::string& url, const Validators& known,
                                   const std::string& path, const GoOn& go_on) {
  if (native_->handle == nullptr) {
    return fail(ErrorCode::unavailable, kDownloadUnreachable, "libcurl cannot be started");
  }
  Transfer transfer{.go_on = go_on, .limit_bytes = native_->options.limit_bytes};
  transfer.file.reset(std::fopen(path.c_str(), "wxe"));
  if (!transfer.file)
    return fail(ErrorCode::no_space, kDownloadNoRoom, "there is no room for the file");
  List headers;
  const auto add = [&](std::string_view name, const std::string& value) {
    if (value.empty()) return;
    const std::string line = fmt::format("{}: {}", name, value);
    headers.reset(curl_slist_append(headers.release(), line.c_str()));
  };
  add("If-None-Match", known.etag);
  add("If-Modified-Since", known.last_modified);
  native_->set_up(url, transfer, headers.get());
  const CURLcode code = curl_easy_perform(native_->handle);
  const bool is_written = std::fflush(transfer.file.get()) == 0;
  transfer.file.reset();
  if (code != CURLE_OK || !is_written) {
    ::unlink(path.c_str());
    return native_->problem(is_written ? code : CURLE_WRITE_ERROR, transfer);
  }
  long status = 0;
  curl_easy_getinfo(native_->handle, CURLINFO_RESPONSE_CODE, &status);
  if (status == 304) {
    ::unlink(path.c_str());
    return Downloaded{.is_modified = false, .validators = known};
  }
  if (status != 200) {
    ::unlink(path.c_str());
    return fail(ErrorCode::invalid, kDownloadRefused, fmt::format("its host answers {}", status));
  }
  return Downloaded{
      .validators = {header(native_->handle, "ETag"), header(native_->handle, "Last-Modified")},
      .bytes = transfer.bytes,
      .digest = codec::hex(transfer.hasher.digest())};
}

}  // namespace holdfast::requests
