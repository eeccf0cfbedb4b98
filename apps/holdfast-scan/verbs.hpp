// What the worker does, once it is shut in. Each reads standard input, writes standard output as
// worker/protocol.hpp says, and gives the exit code; `problem` is a line for standard error.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "worker/protocol.hpp"

namespace holdfast::scan {

struct LayerVerb {
  std::uint64_t unpacked_bytes = 0;
  std::set<std::string> also_kept{};
  std::string scratch_folder{};
};
worker::Exit read_layer(const LayerVerb& verb, std::string& problem);

struct ArchiveVerb {
  std::uint64_t unpacked_bytes = 0;
  std::uint64_t member_bytes = 0;
  std::uint64_t members = 0;
};
worker::Exit read_archive(const ArchiveVerb& verb, std::string& problem);

}  // namespace holdfast::scan
