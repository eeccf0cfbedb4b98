// What the parts of the edge are given of the core, in one place.
#pragma once

#include <string>

#include "api/common/caller.hpp"
#include "api/dtr/dtr.hpp"
#include "api/ops/ops.hpp"
#include "async/pool.hpp"
#include "certificates.hpp"
#include "core.hpp"
#include "options.hpp"

namespace holdfast {

std::string machine_name();
// DTR's form of a replica's id, 12 hex digits, from what stays: the machine and its data folder.
std::string replica_id(const Options& options);
// What this process is; the certificates outlive it.
api::dtr::Host host_facts(const Options& options, const Certificates& certificates);

// What /health and /metrics say of the scanner. Blocks on the database.
api::ops::Scanner scanner_facts(Core& core);

// All of these outlive what comes back.
api::dtr::Services dtr_services(Core& core, api::Callers& callers, const api::dtr::Host& host,
                                async::BlockingPool& pool);

}  // namespace holdfast
