// What somebody who helps needs to know of a server, without a secret of anybody.
#pragma once

#include <boost/json/object.hpp>

#include "base/result.hpp"
#include "core.hpp"

namespace holdfast {

// The process (of the server, when it runs), the machine, the settings, how many rows there are of
// what, jobs, workers, collections, backups. Names of accounts and repositories, addresses and
// whatever users wrote are not in it. Counts whole tables: seconds in a large registry. Blocks.
Result<boost::json::object> support_facts(Core& core);

}  // namespace holdfast
