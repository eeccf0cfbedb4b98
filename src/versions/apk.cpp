// apk-tools, src/version.c: digits{.digits}[letter]{_suffix[number]}[~hash][-rN].
#include <array>

#include "versions/schemes.hpp"
#include "versions/text.hpp"

namespace holdfast::versions {

namespace {

// In this order they may follow each other, and in it they decide when all before was equal.
enum class Kind { first_digits, digits, letter, suffix, suffix_number, revision, end, invalid };

constexpr std::array<std::string_view, 4> kBefore = {"alpha", "beta", "pre", "rc"};
constexpr std::array<std::string_view, 5> kBehind = {"cvs", "svn", "git", "hg", "p"};

class Tokens {
 public:
  explicit Tokens(std::string_view text) : rest_(text) { read_digits(); }

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] bool is_before() const { return kind_ == Kind::suffix && rank_ < 0; }
  [[nodiscard]] bool ended() const { return kind_ == Kind::end || kind_ == Kind::invalid; }

  void next() {
    const Kind from = kind_;
    if (rest_.empty()) {
      kind_ = Kind::end;
      return;
    }
    const char c = rest_.front();
    const bool is_after_digits = from == Kind::digits || from == Kind::first_digits;
    if (is_after_digits && is_lower(c)) {
      kind_ = Kind::letter;
      rank_ = static_cast<unsigned char>(c);
      rest_.remove_prefix(1);
    } else if (is_after_digits && c == '.') {
      rest_.remove_prefix(1);
      kind_ = Kind::digits;
      read_digits();
    } else if (from == Kind::suffix && is_digit(c)) {
      kind_ = Kind::suffix_number;
      digits_ = take_while(rest_, is_digit);
    } else if (from < Kind::revision && c == '_') {
      rest_.remove_prefix(1);
      read_suffix();
    } else if (from < Kind::revision && rest_.starts_with("-r")) {
      rest_.remove_prefix(2);
      kind_ = Kind::revision;
      digits_ = take_while(rest_, is_digit);
      if (digits_.empty()) kind_ = Kind::invalid;
    } else {
      kind_ = Kind::invalid;
    }
  }

  // Of two tokens of one kind.
  [[nodiscard]] std::weak_ordering compare(const Tokens& other) const {
    switch (kind_) {
      case Kind::first_digits:
        return compare_numbers(digits_, other.digits_);
      case Kind::digits:
        // Of which one begins with 0 is a fraction: fewer zeros are more, then byte by byte.
        if (digits_.starts_with('0') || other.digits_.starts_with('0')) {
          return compare_bytes(digits_, other.digits_);
        }
        return compare_numbers(digits_, other.digits_);
      case Kind::suffix_number:
      case Kind::revision:
        return compare_numbers(digits_, other.digits_);
      case Kind::letter:
      case Kind::suffix:
        return rank_ <=> other.rank_;
      case Kind::end:
      case Kind::invalid:
        break;
    }
    return std::weak_ordering::equivalent;
  }

 private:
  void read_digits() {
    digits_ = take_while(rest_, is_digit);
    if (digits_.empty()) kind_ = Kind::invalid;
  }
  void read_suffix() {
    const std::string_view word = take_while(rest_, is_lower);
    kind_ = Kind::suffix;
    if (const auto* found = std::ranges::find(kBefore, word); found != kBefore.end()) {
      rank_ = static_cast<int>(found - kBefore.end());
    } else if (const auto* later = std::ranges::find(kBehind, word); later != kBehind.end()) {
      rank_ = static_cast<int>(later - kBehind.begin());
    } else {
      kind_ = Kind::invalid;
    }
  }

  std::string_view rest_;
  Kind kind_ = Kind::first_digits;
  std::string_view digits_;
  int rank_ = 0;
};

// A hash of what was built, which no order goes by.
std::string without_hash(std::string_view text) {
  const std::size_t tilde = text.find('~');
  if (tilde == std::string_view::npos) return std::string(text);
  std::string_view behind = text.substr(tilde + 1);
  take_while(behind, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
  return std::string(text.substr(0, tilde)) + std::string(behind);
}

bool is_valid(std::string_view version) {
  const std::string text = without_hash(without_blanks(version));
  Tokens tokens(text);
  while (!tokens.ended()) tokens.next();
  return tokens.kind() == Kind::end;
}

std::weak_ordering compare(std::string_view left, std::string_view right) {
  const std::string a_text = without_hash(without_blanks(left));
  const std::string b_text = without_hash(without_blanks(right));
  Tokens a(a_text);
  Tokens b(b_text);
  while (a.kind() == b.kind() && !a.ended()) {
    if (const auto by = a.compare(b); by != 0) return by;
    a.next();
    b.next();
  }
  if (a.kind() == b.kind()) return std::weak_ordering::equivalent;
  // One of them goes on with what comes before its end.
  if (a.is_before()) return std::weak_ordering::less;
  if (b.is_before()) return std::weak_ordering::greater;
  return static_cast<int>(b.kind()) <=> static_cast<int>(a.kind());
}

}  // namespace

const Rules kApk = {is_valid, compare};

}  // namespace holdfast::versions
