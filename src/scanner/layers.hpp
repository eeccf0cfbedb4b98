// What was found in layers, stored once for each content and scanner version, whatever images have
// it. Packages are kept whole, and as rows for questions by name.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "db/database.hpp"
#include "oci/digest.hpp"
#include "packages/package.hpp"

namespace holdfast::scanner {

// Changes whenever another program would find other packages: what is stored under an earlier one
// is read again.
inline constexpr std::string_view kScannerVersion = "1";

// The same for lists of packages that were attached to images (attachments.hpp): they are kept as
// layers are, apart from them.
inline constexpr std::string_view kListReaderVersion = "list-1";

// The tables of this module.
std::span<const db::Migration> migrations();

// Stored by number: new ones are added at the end.
enum class LayerState : std::uint8_t {
  scanned,
  foreign,     // never pushed: it lies at its vendor's
  encrypted,   // only its owner can read it
  no_archive,  // an artifact's layer of another kind: nothing is installed in it
};

struct StoredLayer {
  std::int64_t id = 0;
  LayerState state = LayerState::scanned;
  packages::Layer report{};  // without files, see Layers::files
  Timestamp scanned_at{};
};

// Threads: any; all calls block.
class Layers {
 public:
  Layers(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  // As `reader` reads it, in its present version; nothing: it has to be read. The report as an
  // image needs it to be put together (`files` too) or without.
  enum class Files { with, without };
  Result<std::optional<StoredLayer>> find(const oci::Digest& digest, Files files,
                                          std::string_view reader = kScannerVersion);
  // Whether find() would give it.
  Result<bool> is_known(const oci::Digest& digest, std::string_view reader);
  // Durable. The same content twice: the first one stays.
  Result<void> save(const oci::Digest& digest, LayerState state, const packages::Layer& report,
                    std::string_view reader = kScannerVersion);
  // Forgets it, so that it is read again. No error when there is none.
  Result<void> forget(const oci::Digest& digest);

 private:
  db::Database& database_;
  const Clock& clock_;
};

}  // namespace holdfast::scanner
