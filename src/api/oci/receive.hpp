// The body of an upload on its way into the session.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "api/oci/handlers.hpp"
#include "base/result.hpp"
#include "uploads/uploads.hpp"

namespace holdfast::api::oci {

// Appends the request's body to the session. What came before an error stays in it. A slow client
// holds one small buffer; for a fast one a thread of the pool appends while the loop reads on.
// Errors: what `upload.append` and the body give; too_large beyond the limit of a blob;
// invalid/kSizeInvalid when the body is not as long as Content-Range says; rate_limited.
boost::asio::awaitable<Result<void>> receive(Context context, const Granted& granted,
                                             uploads::Upload& upload);

}  // namespace holdfast::api::oci
