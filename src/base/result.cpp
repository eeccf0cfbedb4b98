#include "base/result.hpp"

namespace holdfast {

std::string_view name(ErrorCode code) {
  switch (code) {
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::already_exists:
      return "already_exists";
    case ErrorCode::invalid:
      return "invalid";
    case ErrorCode::unauthenticated:
      return "unauthenticated";
    case ErrorCode::denied:
      return "denied";
    case ErrorCode::conflict:
      return "conflict";
    case ErrorCode::quota:
      return "quota";
    case ErrorCode::rate_limited:
      return "rate_limited";
    case ErrorCode::too_large:
      return "too_large";
    case ErrorCode::out_of_range:
      return "out_of_range";
    case ErrorCode::no_space:
      return "no_space";
    case ErrorCode::read_only:
      return "read_only";
    case ErrorCode::unavailable:
      return "unavailable";
    case ErrorCode::timeout:
      return "timeout";
    case ErrorCode::corrupt:
      return "corrupt";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::internal:
      return "internal";
  }
  return "internal";
}

std::string describe(const Error& error) {
  std::string text(name(error.code));
  if (!error.reason.empty()) text.append("/").append(error.reason);
  text.append(": ").append(error.message);
  if (error.details.empty()) return text;
  text += " (";
  for (std::size_t i = 0; i < error.details.size(); ++i) {
    if (i > 0) text += ", ";
    text += error.details[i];
  }
  text += ")";
  return text;
}

}  // namespace holdfast
