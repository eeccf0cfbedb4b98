// A detector reads one kind of file and says which packages it shows. Files are a stranger's: every
// detector bounds what it does by the size it is given and never throws for what is in them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "packages/package.hpp"

namespace holdfast::detect {

// A member of a layer that a detector asked for. Views live during the call.
struct File {
  std::string_view path;   // in packages::Layer's form
  std::string_view bytes;  // all of it
};

// What is found. Not for several threads.
class Found {
 public:
  // Texts are made UTF-8, cut to kTextBytes and trimmed; a package without a name is dropped, and
  // beyond kPackages or kBytes all of them, with one remark.
  void add(packages::Package package);
  // What could not be read and why: "app/x.jar: the zip directory is cut off". At most kRemarks.
  void remark(std::string text);

  [[nodiscard]] const std::vector<packages::Package>& packages() const { return packages_; }
  [[nodiscard]] const std::vector<std::string>& remarks() const { return remarks_; }
  [[nodiscard]] std::vector<packages::Package> take_packages();
  [[nodiscard]] std::vector<std::string> take_remarks();

  static constexpr std::size_t kTextBytes = 4096;
  static constexpr std::size_t kPackages = 200'000;
  static constexpr std::size_t kBytes = 48UZ << 20U;  // of all texts together
  static constexpr std::size_t kRemarks = 100;

 private:
  std::vector<packages::Package> packages_;
  std::vector<std::string> remarks_;
  std::size_t bytes_ = 0;
  bool is_full_ = false;
};

// Pure functions in a table (`detectors()`): no state is kept between files.
struct Detector {
  std::string_view name;  // Package::detector
  // Whether a regular file of this name is one of its kind; cheap, asked for every member.
  bool (*wants)(std::string_view path);
  // Files above this are not read, with a remark.
  std::uint64_t size_bytes_at_most = 0;
  // Adds what the file shows. A broken file: what could be read before, and a remark.
  void (*detect)(const File& file, Found& found) = nullptr;
};

// Of the languages: npm, Python, Go, Java, Ruby, Rust, PHP, .NET, conda, and embedded SBOMs. For a
// file that several want, each is called.
std::span<const Detector> language_detectors();

// Go and Rust: what a program says of the modules it was built from. Called with every regular file
// that begins with the magic of ELF, PE or Mach-O, whatever its name, up to kProgramBytes of it.
void detect_program(const File& file, Found& found);
inline constexpr std::uint64_t kProgramBytes = 128ULL << 20U;

}  // namespace holdfast::detect
