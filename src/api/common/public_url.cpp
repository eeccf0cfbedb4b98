#include "api/common/public_url.hpp"

#include <fmt/format.h>

namespace holdfast::api {

PublicUrl::PublicUrl(std::string external_url) : base_(std::move(external_url)) {
  const std::size_t scheme = base_.find("://");
  if (scheme != std::string::npos) service_ = base_.substr(scheme + 3);
}

std::string PublicUrl::base(const http::Request& request) const {
  if (!base_.empty()) return base_;
  return fmt::format("{}://{}", request.client.secure ? "https" : "http", request.client.host);
}

std::string PublicUrl::service(const http::Request& request) const {
  return service_.empty() ? request.client.host : service_;
}

std::string PublicUrl::host(const http::Request& request) const {
  std::string name = service(request);
  const std::size_t colon = name.rfind(':');
  if (colon != std::string::npos && name.find(']', colon) == std::string::npos) name.resize(colon);
  return name;
}

}  // namespace holdfast::api
