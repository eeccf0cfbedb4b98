// An image on a registry, read over /v2.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "client/parse.hpp"
#include "oci/manifest.hpp"
#include "scan/target.hpp"

namespace holdfast::scan {

inline constexpr std::string_view kReferenceInvalid = "reference_invalid";  // invalid

// "host/ns/repo[:tag][@digest]"; without a host: of --host or the last login. Errors: those of
// open_image() and of client::Connection, unauthenticated and denied/client::kServerRefused,
// not_found/kTargetUnreadable.
Result<Target> open_reference(std::string_view reference, const client::Invocation& invocation,
                              const oci::Platform& platform);

}  // namespace holdfast::scan
