#include "api/common/errors.hpp"

namespace holdfast::api {

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::already_exists:
    case ErrorCode::conflict:
      return 409;
    case ErrorCode::invalid:
      return 400;
    case ErrorCode::unauthenticated:
      return 401;
    case ErrorCode::denied:
    case ErrorCode::quota:
      return 403;
    case ErrorCode::rate_limited:
      return 429;
    case ErrorCode::too_large:
      return 413;
    case ErrorCode::out_of_range:
      return 416;
    case ErrorCode::no_space:
      return 507;
    case ErrorCode::read_only:
    case ErrorCode::unsupported:
      return 405;
    case ErrorCode::unavailable:
      return 503;
    case ErrorCode::timeout:
      return 408;
    case ErrorCode::corrupt:
    case ErrorCode::internal:
      return 500;
  }
  return 500;
}

void add_retry_after(http::Response& response, const Error& error) {
  if (error.code == ErrorCode::rate_limited && !error.details.empty()) {
    response.field("Retry-After", error.details.front());
  } else if (response.status() == 503) {
    response.field("Retry-After", "1");
  }
}

}  // namespace holdfast::api
