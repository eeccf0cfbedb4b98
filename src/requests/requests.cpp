#include "requests/requests.hpp"

#include <algorithm>
#include <cctype>
#include <curl/curl.h>
#include <fmt/format.h>
#include <memory>

namespace holdfast::requests {

namespace {

constexpr std::size_t kUrlBytes = 2048;

struct CloseEasy {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct CloseUrl {
  void operator()(CURLU* handle) const { curl_url_cleanup(handle); }
};
struct FreeText {
  void operator()(char* text) const { curl_free(text); }
};
using Easy = std::unique_ptr<CURL, CloseEasy>;
using List = std::unique_ptr<curl_slist, FreeList>;
using Url = std::unique_ptr<CURLU, CloseUrl>;

void start_curl() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(started);
}

// "" when there is none.
std::string part(CURLU* url, CURLUPart which) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, 0) != CURLUE_OK) return "";
  const std::unique_ptr<char, FreeText> owned(text);
  return text;
}

Url parsed(std::string_view text) {
  Url url(curl_url());
  const std::string copy(text);
  if (!url || curl_url_set(url.get(), CURLUPART_URL, copy.c_str(), CURLU_PATH_AS_IS) != CURLUE_OK) {
    return nullptr;
  }
  return url;
}

// What the callbacks fill while curl_easy_perform() runs.
struct Receiving {
  Answer answer;
  std::size_t at_most = 0;
  bool too_large = false;
  const std::function<bool()>& should_stop;
  bool stopped = false;
};

std::size_t take_body(char* bytes, std::size_t one, std::size_t count, void* into) {
  auto& receiving = *static_cast<Receiving*>(into);
  const std::size_t size = one * count;
  if (receiving.answer.body.size() + size > receiving.at_most) {
    receiving.too_large = true;
    return 0;  // ends the transfer
  }
  receiving.answer.body.append(bytes, size);
  return size;
}

std::size_t take_field(char* bytes, std::size_t one, std::size_t count, void* into) {
  auto& answer = static_cast<Receiving*>(into)->answer;
  const std::size_t size = one * count;
  std::string_view line(bytes, size);
  // Of a "100 Continue" or a proxy before the answer itself.
  if (line.starts_with("HTTP/")) answer.fields.clear();
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || size > Answer::kFieldBytes ||
      answer.fields.size() >= Answer::kFieldsAtMost) {
    return size;
  }
  std::string name(line.substr(0, colon));
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  line.remove_prefix(colon + 1);
  while (!line.empty() && std::string_view(" \t\r\n").contains(line.front())) line.remove_prefix(1);
  while (!line.empty() && std::string_view(" \t\r\n").contains(line.back())) line.remove_suffix(1);
  answer.fields.emplace_back(std::move(name), std::string(line));
  return size;
}

int look_around(void* from, curl_off_t /*total*/, curl_off_t /*now*/, curl_off_t /*up_total*/,
                curl_off_t /*up_now*/) {
  auto& receiving = *static_cast<Receiving*>(from);
  receiving.stopped = receiving.should_stop();
  return receiving.stopped ? 1 : 0;
}

template <typename T>
void set(CURL* handle, CURLoption option, T value) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): libcurl has no other way
  curl_easy_setopt(handle, option, value);
}

void set_limits(CURL* handle, const Limits& limits) {
  set(handle, CURLOPT_TIMEOUT_MS,
      static_cast<long>(std::max<std::int64_t>(limits.total.count(), 1)));
  set(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits.connect.count()));
  set(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(handle, CURLOPT_LOW_SPEED_TIME, static_cast<long>(limits.stall.count()));
}

void set_peer(CURL* handle, const Peer& peer, std::string_view scheme) {
  // Set always: "" keeps curl from those of the environment.
  set(handle, CURLOPT_PROXY, (scheme == "https" ? peer.https_proxy : peer.http_proxy).c_str());
  set(handle, CURLOPT_NOPROXY, peer.no_proxy.c_str());
  if (peer.certificate == Peer::Certificate::anything) {
    set(handle, CURLOPT_SSL_VERIFYPEER, 0L);
    set(handle, CURLOPT_SSL_VERIFYHOST, 0L);
  } else if (!peer.authority_pem.empty()) {
    curl_blob authority{.data = const_cast<char*>(peer.authority_pem.data()),
                        .len = peer.authority_pem.size(),
                        .flags = CURL_BLOB_COPY};
    set(handle, CURLOPT_CAINFO_BLOB, &authority);
    set(handle, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
}

Error failed(CURLcode code, const Receiving& receiving, std::string_view host) {
  if (receiving.stopped) {
    return fail(ErrorCode::unavailable, kStopped, "the request was stopped");
  }
  if (receiving.too_large) {
    return fail(ErrorCode::too_large, kAnswerTooLarge,
                fmt::format("{} answers with more than {} bytes", host, receiving.at_most));
  }
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return fail(ErrorCode::timeout, kTooSlow, fmt::format("{} does not answer in time", host));
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return fail(ErrorCode::denied, kNotTrusted,
                  fmt::format("the certificate of {} is not trusted", host));
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_BAD_CONTENT_ENCODING:
      return fail(ErrorCode::corrupt, kAnswerBroken,
                  fmt::format("the answer of {} is broken: {}", host, curl_easy_strerror(code)));
    default:
      return fail(ErrorCode::unavailable, kUnreachable,
                  fmt::format("{} cannot be reached: {}", host, curl_easy_strerror(code)));
  }
}

}  // namespace

std::string_view Answer::field(std::string_view name) const {
  const auto found = std::ranges::find(
      fields, name, [](const auto& field) { return std::string_view(field.first); });
  return found == fields.end() ? std::string_view() : std::string_view(found->second);
}

Result<void> check_url(std::string_view url) {
  const auto invalid = [](std::string_view why) {
    return fail(ErrorCode::invalid, kUrlInvalid,
                fmt::format("the URL {}: it is such as https://scanner.mydns.com:8080", why));
  };
  if (url.size() > kUrlBytes) return invalid("is too long");
  // What curl would take for something else, or drop.
  if (std::ranges::any_of(url,
                          [](unsigned char c) { return c <= ' ' || c >= 0x7f || c == '\\'; })) {
    return invalid("has characters that no URL has");
  }
  const Url parts = parsed(url);
  if (!parts) return invalid("cannot be read");
  const std::string scheme = part(parts.get(), CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return invalid("must be of http or https");
  if (part(parts.get(), CURLUPART_HOST).empty()) return invalid("names no host");
  for (const CURLUPart other :
       {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT}) {
    if (!part(parts.get(), other).empty()) return invalid("has a user, a query or a fragment");
  }
  return {};
}

Result<Answer> send(const Request& request, const Peer& peer, const Limits& limits,
                    const std::function<bool()>& should_stop) {
  start_curl();
  const Url url = parsed(request.url);
  const Easy handle(curl_easy_init());
  if (!url || !handle) return fail(ErrorCode::invalid, kUrlInvalid, "the URL cannot be read");
  Receiving receiving{.answer = {}, .at_most = limits.answer_bytes, .should_stop = should_stop};
  CURL* const curl = handle.get();
  set(curl, CURLOPT_CURLU, url.get());
  set(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  set(curl, CURLOPT_NOSIGNAL, 1L);  // other threads run
  set(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  if (!request.body.empty() || request.method == "POST") {
    set(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(curl, CURLOPT_POSTFIELDS, request.body.c_str());
  }
  // Without "Expect": few servers answer it, and a second is lost waiting.
  List fields(curl_slist_append(nullptr, "Expect:"));
  for (const auto& [name, value] : request.fields) {
    // Gives the list that it was given, or nothing when there is no memory left.
    if (curl_slist_append(fields.get(), fmt::format("{}: {}", name, value).c_str()) == nullptr) {
      return fail(ErrorCode::unavailable, kUnreachable, "there is no memory for the request");
    }
  }
  set(curl, CURLOPT_HTTPHEADER, fields.get());
  set(curl, CURLOPT_WRITEFUNCTION, &take_body);
  set(curl, CURLOPT_WRITEDATA, &receiving);
  set(curl, CURLOPT_HEADERFUNCTION, &take_field);
  set(curl, CURLOPT_HEADERDATA, &receiving);
  set(curl, CURLOPT_NOPROGRESS, 0L);
  set(curl, CURLOPT_XFERINFOFUNCTION, &look_around);
  set(curl, CURLOPT_XFERINFODATA, &receiving);
  set_limits(curl, limits);
  set_peer(curl, peer, part(url.get(), CURLUPART_SCHEME));
  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) return failed(code, receiving, part(url.get(), CURLUPART_HOST));
  long status = 0;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): libcurl has no other way
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  receiving.answer.status = static_cast<int>(status);
  return std::move(receiving.answer);
}

}  // namespace holdfast::requests
