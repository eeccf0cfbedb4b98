// What the work of a job is given: its parameters, a log that people read while it runs, and word
// of when to stop.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <string_view>

#include "base/result.hpp"

namespace holdfast::jobs {

// One job being run. Used by the thread that runs it.
class Run {
 public:
  Run() = default;
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  virtual ~Run() = default;

  // As the job was made with them; {} when it had none.
  virtual const boost::json::object& parameters() const = 0;
  // Adds a line to the job's log. Kept in memory and written about once a second and at the end.
  virtual void log(std::string_view line) = 0;
  // Whether to end soon: canceled by a person, past its deadline, or the server stops. The work
  // leaves everything whole and returns; what it did stays. Cheap: asked between any two steps.
  virtual bool should_stop() const = 0;
  // The error that the work is about to give would come again: whatever retries the job has.
  virtual void give_up() {}
};

// The work of one kind of job. An error ends the job as failed with its sentence; it may be
// retried.
using Work = std::function<Result<void>(Run&)>;

}  // namespace holdfast::jobs
