#include <utility>

#include "codec/text.hpp"
#include "detect/detector.hpp"

namespace holdfast::detect {

namespace {

constexpr std::size_t kLicenses = 50;

bool is_blank(char byte) {
  return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n' || byte == '\0';
}

// UTF-8 without blanks around it, of at most kTextBytes.
void clean(std::string& text) {
  std::size_t begin = 0;
  while (begin < text.size() && is_blank(text[begin])) ++begin;
  std::size_t end = text.size();
  while (end > begin && is_blank(text[end - 1])) --end;
  text = codec::to_text(std::string_view(text).substr(begin, end - begin), Found::kTextBytes);
}

}  // namespace

void Found::add(packages::Package package) {
  if (is_full_) return;
  std::size_t bytes = 0;
  for (std::string* text : {&package.name, &package.version, &package.architecture,
                            &package.source_name, &package.source_version, &package.module,
                            &package.path, &package.owner, &package.detector}) {
    clean(*text);
    bytes += text->size();
  }
  if (package.name.empty()) return;
  if (package.licenses.size() > kLicenses) package.licenses.resize(kLicenses);
  for (std::string& license : package.licenses) {
    clean(license);
    bytes += license.size();
  }
  std::erase(package.licenses, std::string());
  if (packages_.size() == kPackages || bytes > kBytes - bytes_) {
    remark("it lists more packages than are read");
    is_full_ = true;
    return;
  }
  bytes_ += bytes;
  packages_.push_back(std::move(package));
}

void Found::remark(std::string text) {
  if (remarks_.size() >= kRemarks) return;
  clean(text);
  remarks_.push_back(std::move(text));
}

std::vector<packages::Package> Found::take_packages() { return std::exchange(packages_, {}); }
std::vector<std::string> Found::take_remarks() { return std::exchange(remarks_, {}); }

}  // namespace holdfast::detect
