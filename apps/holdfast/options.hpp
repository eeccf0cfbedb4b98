// The settings as types, checked together.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "api/common/limits.hpp"
#include "base/log.hpp"
#include "config/sources.hpp"
#include "core.hpp"
#include "http/server.hpp"
#include "net/address.hpp"

namespace holdfast {

enum class PlainHttp { redirect, serve, off };

// What `serve` needs to know. Made only by make_options.
struct Options {
  std::string data_dir;
  std::string external_url;  // no slash at the end
  std::vector<net::Network> trusted_proxies;
  CoreOptions core;

  net::Endpoint https_listen;
  bool https_proxy_protocol = false;
  net::Endpoint http_listen;
  PlainHttp http_mode = PlainHttp::redirect;
  bool http_proxy_protocol = false;

  std::string tls_certificate;  // a path; empty: the built-in authority
  std::string tls_key;
  std::vector<std::string> tls_names;  // never empty

  http::Limits limits;
  api::LimitSettings shares;
  std::chrono::seconds drain{30};
  std::size_t manifest_limit_bytes = 0;
  std::uint64_t blob_limit_bytes = 0;
  int page_limit = 0;

  log::Format log_format = log::Format::text;
  log::Level log_level = log::Level::info;
  bool log_access = true;

  bool refresh_tokens = false;
  std::chrono::seconds uploads_expire_after{};
  std::size_t network_threads = 0;
  std::size_t blocking_threads = 0;
  bool metrics = true;
  std::vector<net::Network> metrics_allow;
};

// Checks what belongs together and the form of addresses and URLs; every problem is added with the
// source of the value that is wrong.
Options make_options(const config::Values& values, std::vector<config::Problem>& problems);

}  // namespace holdfast
