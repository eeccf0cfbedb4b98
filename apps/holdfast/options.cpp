#include "options.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <thread>
#include <unistd.h>

namespace holdfast {

namespace {

using config::Problem;
using config::Values;

// Reads typed values and gathers problems where a value does not fit.
class Reader {
 public:
  Reader(const Values& values, std::vector<Problem>& problems)
      : values_(values), problems_(problems) {}

  [[nodiscard]] const std::string& text(std::string_view name) const {
    return std::get<std::string>(values_.of(name).value);
  }
  [[nodiscard]] const std::vector<std::string>& list(std::string_view name) const {
    return std::get<std::vector<std::string>>(values_.of(name).value);
  }
  [[nodiscard]] bool flag(std::string_view name) const {
    return std::get<bool>(values_.of(name).value);
  }
  [[nodiscard]] std::int64_t number(std::string_view name) const {
    return std::get<std::int64_t>(values_.of(name).value);
  }
  [[nodiscard]] std::chrono::seconds seconds(std::string_view name) const {
    return std::chrono::seconds{number(name)};
  }
  [[nodiscard]] std::size_t size(std::string_view name) const {
    return static_cast<std::size_t>(number(name));
  }

  [[nodiscard]] std::uint32_t count(std::string_view name) const {
    return static_cast<std::uint32_t>(number(name));
  }

  net::Endpoint endpoint(std::string_view name) {
    auto parsed = net::Endpoint::parse(text(name));
    if (parsed && !parsed->unix_socket) return *std::move(parsed);
    problem(name,
            fmt::format(
                "\"{}\" is no address to listen on: write \"127.0.0.1:8443\", \"[::1]:8443\" or "
                "\":8443\"",
                text(name)));
    return {};
  }
  std::vector<net::Network> networks(std::string_view name) {
    std::vector<net::Network> networks;
    for (const std::string& one : list(name)) {
      if (auto parsed = net::Network::parse(one)) {
        networks.push_back(*std::move(parsed));
      } else {
        problem(name,
                fmt::format("\"{}\" is no network: write \"10.0.0.0/8\" or one address", one));
      }
    }
    return networks;
  }
  void problem(std::string_view name, std::string_view message) {
    problems_.push_back({values_.of(name).source, fmt::format("{}: {}", name, message)});
  }

 private:
  const Values& values_;
  std::vector<Problem>& problems_;
};

std::string checked_url(Reader& read) {
  std::string url = read.text("external_url");
  if (url.empty()) return url;
  if (url.ends_with('/')) url.pop_back();
  const std::size_t scheme = url.find("://");
  const std::string_view host =
      scheme == std::string::npos ? std::string_view() : std::string_view(url).substr(scheme + 3);
  constexpr std::string_view kHostCharacters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]";
  if ((!url.starts_with("https://") && !url.starts_with("http://")) || host.empty() ||
      host.find_first_not_of(kHostCharacters) != std::string_view::npos) {
    read.problem("external_url", "write a URL without a path, such as \"https://dtr.mydns.com\"");
    return {};
  }
  return url;
}

// The host of the external URL without its port.
std::string host_of(const std::string& url) {
  if (url.empty()) return {};
  std::string host = url.substr(url.find("://") + 3);
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.find(':'));
}

std::vector<std::string> default_names(const std::string& url) {
  std::vector<std::string> names = {"localhost", "127.0.0.1", "::1"};
  std::array<char, 256> machine{};
  if (::gethostname(machine.data(), machine.size() - 1) == 0 && machine[0] != '\0')
    names.emplace_back(machine.data());
  if (const std::string host = host_of(url); !host.empty()) names.push_back(host);
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  return names;
}

log::Level level_of(const std::string& word) {
  if (word == "debug") return log::Level::debug;
  if (word == "warn") return log::Level::warn;
  if (word == "error") return log::Level::error;
  return log::Level::info;
}

PlainHttp mode_of(const std::string& word) {
  if (word == "serve") return PlainHttp::serve;
  return word == "off" ? PlainHttp::off : PlainHttp::redirect;
}

}  // namespace

Options make_options(const Values& values, std::vector<Problem>& problems) {
  Reader read(values, problems);
  Options options;
  options.data_dir = read.text("data_dir");
  if (options.data_dir.empty()) read.problem("data_dir", "write the path of a folder");
  options.external_url = checked_url(read);
  options.core.external_url = options.external_url;
  options.trusted_proxies = read.networks("trusted_proxies");
  options.core.defaults.create_repository_on_push = read.flag("create_repository_on_push");
  options.core.content = {read.flag("allow_sparse_indexes") ? repos::SparseIndexes::allow
                                                            : repos::SparseIndexes::refuse,
                          read.number("limits.tags")};
  options.core.metadata = {read.text("database.url"), read.size("database.connections"),
                           read.seconds("database.deadline")};
  options.https_listen = read.endpoint("https.listen");
  options.https_proxy_protocol = read.flag("https.proxy_protocol");
  options.http_listen = read.endpoint("http.listen");
  options.http_mode = mode_of(read.text("http.mode"));
  options.http_proxy_protocol = read.flag("http.proxy_protocol");
  options.tls_certificate = read.text("tls.certificate");
  options.tls_key = read.text("tls.key");
  if (options.tls_certificate.empty() != options.tls_key.empty()) {
    const bool key = options.tls_key.empty();
    read.problem(key ? "tls.certificate" : "tls.key",
                 key ? "a certificate needs its key: set tls.key too"
                     : "a key needs its certificate: set tls.certificate too");
  }
  options.tls_names = read.list("tls.names");
  if (options.tls_names.empty()) options.tls_names = default_names(options.external_url);
  options.limits.header_bytes = read.size("limits.header");
  options.limits.connections = read.size("limits.connections");
  options.limits.connections_per_address = read.size("limits.connections_per_address");
  options.limits.body_rate = read.size("limits.body_rate");
  options.shares = {read.count("limits.requests_per_address"),
                    read.count("limits.requests_per_user"), read.count("limits.uploads_per_user"),
                    read.size("limits.upload_bytes_per_user")};
  options.limits.header_timeout = read.seconds("limits.header_timeout");
  options.limits.idle_timeout = read.seconds("limits.idle_timeout");
  options.limits.body_timeout = read.seconds("limits.body_timeout");
  options.drain = read.seconds("limits.drain");
  options.manifest_limit_bytes = read.size("limits.manifest");
  options.blob_limit_bytes = static_cast<std::uint64_t>(read.number("limits.blob"));
  options.page_limit = static_cast<int>(read.number("limits.page"));
  options.log_format = read.text("log.format") == "json" ? log::Format::json : log::Format::text;
  options.log_level = level_of(read.text("log.level"));
  options.log_access = read.flag("log.access");
  options.core.token_lifetime = read.seconds("token.lifetime");
  options.core.fetching = {.is_online = read.flag("advisories.online"),
                           .download = {.ca_file = read.text("advisories.ca"),
                                        .limit_bytes = read.size("advisories.download_limit"),
                                        .stall = read.seconds("advisories.stall_timeout"),
                                        .total = read.seconds("advisories.download_timeout")}};
  options.refresh_tokens = read.flag("token.refresh_tokens");
  options.uploads_expire_after = read.seconds("uploads.expire_after");
  options.network_threads = read.size("threads.network");
  options.blocking_threads = read.size("threads.blocking");
  if (options.blocking_threads == 0) {
    options.blocking_threads = std::max(16U, 8 * std::thread::hardware_concurrency());
  }
  options.metrics = read.flag("metrics.enabled");
  options.metrics_allow = read.networks("metrics.allow");
  return options;
}

}  // namespace holdfast
