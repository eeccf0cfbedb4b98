// Catalogues of CVEs with their CVSS vectors: NVD's JSON 2.0, as the feeds by year and as FKIE's
// mirror of them has it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace holdfast::advisories {

// What a JSON text that stands in an archive of advisories is, by the names at its top.
enum class Content {
  record,     // one OSV record
  exploited,  // CISA's list
  catalogue,  // of NVD
  unknown,    // something else, or no JSON
};
// `head`: the first bytes of it; 64 KiB are enough.
Content content_of(std::string_view head);

// Reads a catalogue piece by piece: it may have hundreds of megabytes, of which little is kept.
// One thread.
class NvdReader {
 public:
  // Called for each CVE with its vector, or "" where nobody rated it: the primary one of CVSS 3.1,
  // else of 3.0, 4.0 and 2.0, else the first of these.
  using Each = std::function<void(const std::string& cve, const std::string& vector)>;
  explicit NvdReader(Each each);
  ~NvdReader();
  NvdReader(const NvdReader&) = delete;
  NvdReader& operator=(const NvdReader&) = delete;

  // invalid/kRecordInvalid (osv.hpp) for what is no JSON, too deep, or has too many members.
  Result<void> write(std::string_view piece);
  // The end. invalid/kRecordInvalid when it is not whole, has no list of CVEs, or more than one in
  // ten of them has no name. How many there were.
  Result<std::int64_t> finish();

  static constexpr std::size_t kDepth = 32;
  static constexpr std::int64_t kCves = 2'000'000;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::advisories
