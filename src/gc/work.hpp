// Collections as the work of jobs.
#pragma once

#include <string>

#include "gc/collector.hpp"
#include "jobs/run.hpp"

namespace holdfast::gc {

// A whole run within `scope`, its progress in the job's log. The collector outlives it.
jobs::Work work(Collector& collector, Scope scope);

// "3 manifests, 12 blobs and 1.5 MiB …": what was freed, for people.
std::string summary(const Totals& totals);

}  // namespace holdfast::gc
