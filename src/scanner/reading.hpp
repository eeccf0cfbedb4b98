// Gives what is in an archive of advisories to an import.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "advisories/import.hpp"
#include "base/result.hpp"
#include "worker/launcher.hpp"

namespace holdfast::scanner {

struct ReadingParts {
  worker::Launcher& launcher;
  advisories::Import& import;
  std::function<bool()> stop;                      // asked often
  std::function<void(std::int64_t records)> told;  // now and then: how many were read
};

// One thread. Errors: those of the worker and of the import; nothing of what was added before is
// taken back here.
class Reading {
 public:
  explicit Reading(ReadingParts parts) : parts_(std::move(parts)) {}

  // An archive, or an archive of archives. `name` is the source of records whose folder says none;
  // "": each record's ecosystem.
  Result<void> upload(const worker::Source& source, std::string_view name);

 private:
  Result<void> archive(const worker::Source& source, std::string_view name, int depth);
  Result<void> take(std::string_view member, std::string_view bytes, std::string_view name,
                    int depth);

  ReadingParts parts_;
  std::int64_t records_ = 0;
  std::string within_;  // the name of the compressed file that is read
};

}  // namespace holdfast::scanner
