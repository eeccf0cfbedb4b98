// The web root.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <string_view>

#include "api/common/public_url.hpp"
#include "http/message.hpp"

namespace holdfast::api::web {

enum class Authority { built_in, foreign };

// Safe from any loop.
class Web {
 public:
  // `version` is shown at the foot of the page.
  Web(const PublicUrl& url, Authority authority, std::string_view version);
  // "/" is the page; beside it what api/openapi has; everything else 404.
  boost::asio::awaitable<http::Response> handle(http::Request& request, http::Body& body);

 private:
  const PublicUrl& url_;
  Authority authority_;
  std::string version_;
};

}  // namespace holdfast::api::web
