#include "oci/name.hpp"

#include <algorithm>

namespace holdfast::oci {

namespace {

constexpr std::size_t kNameLimitBytes = 255;  // clients cap host + "/" + name there
constexpr std::size_t kTagLimitBytes = 128;

constexpr bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

}  // namespace

// [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*
bool is_name_component(std::string_view text) {
  std::size_t at = 0;
  while (true) {
    const std::size_t word = at;
    while (at < text.size() && is_alphanumeric(text[at])) ++at;
    if (at == word) return false;
    if (at == text.size()) return true;
    const std::size_t separator = at;
    while (at < text.size() && text[at] == text[separator]) ++at;
    const std::size_t length = at - separator;
    switch (text[separator]) {
      case '.':
        if (length != 1) return false;
        break;
      case '_':
        if (length > 2) return false;
        break;
      case '-':
        break;
      default:
        return false;
    }
  }
}

Result<RepositoryName> RepositoryName::parse(std::string_view text) {
  if (text.size() > kNameLimitBytes) {
    return fail(ErrorCode::invalid, kNameInvalid, "a repository's name has at most 255 bytes");
  }
  std::size_t components = 0;
  for (std::size_t at = 0; at <= text.size(); ++components) {
    const std::size_t slash = std::min(text.find('/', at), text.size());
    if (!is_name_component(text.substr(at, slash - at))) {
      return fail(ErrorCode::invalid, kNameInvalid,
                  "a repository's name is made of lower-case letters and digits, single '.', '_', "
                  "'__' or '-' between them, and '/' between its components");
    }
    at = slash + 1;
  }
  if (components < 2) {
    return fail(ErrorCode::invalid, kNameInvalid,
                "a repository's name needs a namespace: <user or organization>/<repository>");
  }
  return RepositoryName(std::string(text));
}

std::string_view RepositoryName::ns() const {
  return std::string_view(text_).substr(0, text_.find('/'));
}

std::string_view RepositoryName::repository() const {
  return std::string_view(text_).substr(text_.find('/') + 1);
}

Result<Tag> Tag::parse(std::string_view text) {
  const auto is_word = [](char c) {
    return is_alphanumeric(c) || (c >= 'A' && c <= 'Z') || c == '_';
  };
  const auto is_allowed = [&](char c) { return is_word(c) || c == '.' || c == '-'; };
  if (text.empty() || text.size() > kTagLimitBytes || !is_word(text.front()) ||
      !std::ranges::all_of(text, is_allowed)) {
    return fail(ErrorCode::invalid, kTagInvalid,
                "a tag has 1 to 128 of A-Z a-z 0-9 _ . - and begins with none of '.' and '-'");
  }
  return Tag(std::string(text));
}

bool Tag::is_companion() const {
  constexpr std::size_t kDigits = 64;  // of any algorithm: the specification cuts longer ones
  for (const std::string_view prefix : {"sha256-", "sha512-"}) {
    if (!text_.starts_with(prefix)) continue;
    const std::size_t end =
        std::min(text_.find_first_not_of("0123456789abcdef", prefix.size()), text_.size());
    return end - prefix.size() == kDigits && (end == text_.size() || text_[end] == '.');
  }
  return false;
}

}  // namespace holdfast::oci
