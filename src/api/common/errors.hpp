// What every protocol's errors have in common: the status of a code, and when to try again.
#pragma once

#include "base/result.hpp"
#include "http/message.hpp"

namespace holdfast::api {

// The status where the reason does not say more.
int status_of(ErrorCode code);

// Retry-After: the seconds that a refusal by rate names in its first detail, or one for a 503.
void add_retry_after(http::Response& response, const Error& error);

}  // namespace holdfast::api
