// The commands behind `holdfast gc`.
#pragma once

#include <boost/json/value.hpp>
#include <string_view>

#include "base/result.hpp"
#include "core.hpp"

namespace holdfast::admin {

// A run goes on by steps of a second or two, so that whoever asked sees how far it is, and so that
// it ends when nobody asks any more.
//   gc.begin {scope, full}: {run}       gc.step {run}: {phase, done, manifests, …, summary}
//   gc.end {run}                        gc.status: {running, runs, waiting, settings}
//   gc.explain {digest}: {digest, kept}
// Blocks. invalid/command_invalid for what is not understood; the errors of gc::Collector.
Result<boost::json::value> execute_gc(Core& core, std::string_view verb,
                                      const boost::json::value& command);

}  // namespace holdfast::admin
