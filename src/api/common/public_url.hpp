// Under which name clients know us.
#pragma once

#include <string>
#include <string_view>

#include "http/message.hpp"

namespace holdfast::api {

// The configured URL, or else the name that the request used: behind a trusted proxy the one that
// the client gave to the proxy.
class PublicUrl {
 public:
  // "https://dtr.mydns.com" without a path or slash, or empty.
  explicit PublicUrl(std::string external_url);

  // "https://dtr.mydns.com": what a realm or a redirect begins with.
  [[nodiscard]] std::string base(const http::Request& request) const;
  // "dtr.mydns.com": the service of the token protocol, and the host in scopes.
  [[nodiscard]] std::string service(const http::Request& request) const;
  // The service without its port.
  [[nodiscard]] std::string host(const http::Request& request) const;

 private:
  std::string base_;
  std::string service_;
};

}  // namespace holdfast::api
