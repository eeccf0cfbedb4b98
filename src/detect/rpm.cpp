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

}  // namespace

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
