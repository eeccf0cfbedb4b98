#include <algorithm>
#include <array>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <rpm/header.h>
#include <rpm/rpmdb.h>
#include <rpm/rpmlib.h>
#include <rpm/rpmlog.h>
#include <rpm/rpmmacro.h>
#include <rpm/rpmtd.h>
#include <rpm/rpmts.h>
#include <string>
#include <utility>

#include "detect/distributions.hpp"

namespace holdfast::detect {

namespace {

// The newer place and format first: what lies in the older one was left there.
constexpr std::array<std::string_view, 6> kDatabases = {
    "usr/lib/sysimage/rpm/rpmdb.sqlite", "var/lib/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/Packages.db",  "var/lib/rpm/Packages.db",
    "usr/lib/sysimage/rpm/Packages",     "var/lib/rpm/Packages"};

struct FreeTransaction {
  void operator()(rpmts_s* transaction) const { rpmtsFree(transaction); }
};
struct FreeIterator {
  void operator()(rpmdbMatchIterator_s* iterator) const { rpmdbFreeIterator(iterator); }
};

std::string text_of(Header header, rpmTagVal tag) {
  const char* text = headerGetString(header, tag);
  return text == nullptr ? std::string() : std::string(text);
}

std::string with_epoch(std::uint64_t epoch, std::string_view version) {
  return epoch == 0 ? std::string(version) : fmt::format("{}:{}", epoch, version);
}

// "bash-5.1.8-6.el9.src.rpm": the name is what stands before the last two dashes.
void read_source(std::string_view file, std::uint64_t epoch, packages::Package& package) {
  for (const std::string_view end : {".rpm", ".src", ".nosrc"}) {
    if (file.ends_with(end)) file.remove_suffix(end.size());
  }
  const std::size_t release = file.rfind('-');
  if (release == std::string_view::npos || release == 0) return;
  const std::size_t version = file.rfind('-', release - 1);
  if (version == std::string_view::npos) return;
  package.source_name = file.substr(0, version);
  package.source_version = with_epoch(epoch, file.substr(version + 1));
}

void read_files(Header header, const std::string& package, Owners& owners) {
  rpmtd_s files{};
  if (headerGet(header, RPMTAG_FILENAMES, &files, HEADERGET_EXT) == 0) return;
  while (rpmtdNext(&files) >= 0) {
    if (const char* path = rpmtdGetString(&files)) owners.add(package, path);
  }
  rpmtdFreeData(&files);
}

void read_header(Header header, std::string_view path, Found& found, Owners& owners) {
  packages::Package package{.type = packages::Type::rpm,
                            .name = text_of(header, RPMTAG_NAME),
                            .architecture = text_of(header, RPMTAG_ARCH),
                            .path = std::string(path),
                            .detector = "rpm"};
  if (package.name.empty() || package.name == "gpg-pubkey") return;
  const std::uint64_t epoch = headerGetNumber(header, RPMTAG_EPOCH);
  package.version = with_epoch(epoch, fmt::format("{}-{}", text_of(header, RPMTAG_VERSION),
                                                  text_of(header, RPMTAG_RELEASE)));
  package.source_name = package.name;
  package.source_version = package.version;
  read_source(text_of(header, RPMTAG_SOURCERPM), epoch, package);
  package.module = text_of(header, RPMTAG_MODULARITYLABEL);
  if (std::string license = text_of(header, RPMTAG_LICENSE); !license.empty()) {
    package.licenses.push_back(std::move(license));
  }
  read_files(header, package.name, owners);
  found.add(std::move(package));
}

struct FreeHeader {
  void operator()(headerToken_s* header) const { headerFree(header); }
};

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t number = 0;
  for (std::size_t i = 4; i-- > 0;) {
    number = number << 8U | static_cast<unsigned char>(bytes[at + i]);
  }
  return number;
}

// SUSE's format, which Debian's librpm is built without (rpm, lib/backend/ndb/rpmpkg.c): slots of
// 16 bytes behind a head of 32, each with the place of a header in blocks of 16 bytes.
constexpr std::uint32_t kNdbFile = 0x506d7052;  // "RpmP"
constexpr std::uint32_t kNdbSlot = 0x746f6c53;  // "Slot"
constexpr std::uint32_t kNdbBlob = 0x53626c42;  // "BlbS"
constexpr std::size_t kNdbHead = 32;
constexpr std::size_t kNdbBlock = 16;
constexpr std::size_t kNdbPage = 4096;

// The header of a slot; empty: there is none, or it is broken.
std::string_view ndb_blob(std::string_view file, std::size_t slot) {
  const std::uint32_t index = number_at(file, slot + 4);
  const std::size_t begin = std::size_t{number_at(file, slot + 8)} * kNdbBlock;
  if (index == 0 || begin + kNdbBlock > file.size()) return {};
  if (number_at(file, begin) != kNdbBlob || number_at(file, begin + 4) != index) return {};
  const std::size_t size = number_at(file, begin + 12);
  return size > file.size() - begin - kNdbBlock ? std::string_view()
                                                : file.substr(begin + kNdbBlock, size);
}

}  // namespace

void detect_ndb(const File& file, Found& found, Owners& owners) {
  const std::string_view bytes = file.bytes;
  if (bytes.size() < kNdbHead || number_at(bytes, 0) != kNdbFile) {
    found.remark(fmt::format("{}: it is no database of rpm", file.path));
    return;
  }
  const std::size_t slots =
      std::min<std::uint64_t>(std::uint64_t{number_at(bytes, 12)} * kNdbPage, bytes.size());
  std::size_t broken = 0;
  for (std::size_t at = kNdbHead; at + kNdbBlock <= slots; at += kNdbBlock) {
    if (number_at(bytes, at) != kNdbSlot || number_at(bytes, at + 8) == 0) continue;
    std::string blob(ndb_blob(bytes, at));
    const std::unique_ptr<headerToken_s, FreeHeader> header(
        blob.empty()
            ? nullptr
            : headerImport(blob.data(), static_cast<unsigned>(blob.size()), HEADERIMPORT_COPY));
    if (header) {
      read_header(header.get(), file.path, found, owners);
    } else {
      ++broken;
    }
  }
  if (broken > 0) found.remark(fmt::format("{}: {} packages are broken", file.path, broken));
}

std::span<const std::string_view> rpm_databases() { return kDatabases; }

bool is_rpm_database(std::string_view path) {
  constexpr std::string_view kLog = "-wal";
  if (path.ends_with(kLog)) path.remove_suffix(kLog.size());
  return std::ranges::find(kDatabases, path) != kDatabases.end();
}

void prepare_rpm() {
  // Without its files it has defaults that suffice.
  static_cast<void>(rpmReadConfigFiles(nullptr, nullptr));
  // What is wrong with a stranger's database is told by what comes of it.
  rpmSetVerbosity(RPMLOG_EMERG);
}

void detect_rpm(const std::string& folder, std::string_view path, Found& found, Owners& owners) {
  rpmPushMacro(nullptr, "_dbpath", nullptr, folder.c_str(), RMIL_CMDLINE);
  {
    const std::unique_ptr<rpmts_s, FreeTransaction> transaction(rpmtsCreate());
    rpmtsSetVSFlags(transaction.get(),
                    static_cast<rpmVSFlags>(RPMVSF_MASK_NOSIGNATURES | RPMVSF_MASK_NODIGESTS));
    if (rpmtsOpenDB(transaction.get(), O_RDONLY) != 0) {
      found.remark(fmt::format("{}: it cannot be opened as a database of rpm", path));
    } else {
      const std::unique_ptr<rpmdbMatchIterator_s, FreeIterator> each(
          rpmtsInitIterator(transaction.get(), RPMDBI_PACKAGES, nullptr, 0));
      std::size_t count = 0;
      while (Header header = rpmdbNextIterator(each.get())) {
        read_header(header, path, found, owners);
        ++count;
      }
      if (count == 0) found.remark(fmt::format("{}: it lists no package, or is broken", path));
    }
  }
  rpmPopMacro(nullptr, "_dbpath");
}

}  // namespace holdfast::detect
