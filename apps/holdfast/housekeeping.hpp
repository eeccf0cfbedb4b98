// What is due from time to time while the server runs.
#pragma once

#include <signal.h>

#include "certificates.hpp"
#include "core.hpp"
#include "options.hpp"

namespace holdfast {

// Every second writes what was gathered and takes up new certificates, every few minutes forgets
// old events, every hour what has expired. Returns when one of the blocked `signals` says to end
// (SIGINT, SIGTERM). What fails is logged and tried again.
void keep_house(const Options& options, Core& core, Certificates& certificates,
                const sigset_t& signals);

}  // namespace holdfast
