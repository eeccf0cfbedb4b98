// org.apache.maven.artifact.versioning.ComparableVersion of Maven 3.8.
#include <array>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "versions/schemes.hpp"
#include "versions/text.hpp"

namespace holdfast::versions {

namespace {

// Before the release (the empty word) and behind it; every other word comes after these.
constexpr std::array<std::string_view, 7> kQualifiers = {"alpha",    "beta", "milestone", "rc",
                                                         "snapshot", "",     "sp"};
constexpr int kRelease = 5;

struct Item;
using List = std::vector<Item>;
struct Number {
  std::string digits;
};
struct Word {
  std::string text;
};
struct Item {
  std::variant<Number, Word, List> value;
};

std::string known_word(std::string word, bool digit_follows) {
  if (digit_follows && word.size() == 1) {
    if (word == "a") return "alpha";
    if (word == "b") return "beta";
    if (word == "m") return "milestone";
  }
  if (word == "ga" || word == "final" || word == "release") return "";
  if (word == "cr") return "rc";
  return word;
}

int rank(std::string_view word) {
  const auto* const found = std::ranges::find(kQualifiers, word);
  return static_cast<int>(found - kQualifiers.begin());
}

std::weak_ordering compare_words(std::string_view a, std::string_view b) {
  if (const auto by = rank(a) <=> rank(b); by != 0) return by;
  return rank(a) < static_cast<int>(kQualifiers.size()) ? std::weak_ordering::equivalent
                                                        : compare_bytes(a, b);
}

bool is_null(const Item& item) {
  if (const auto* number = std::get_if<Number>(&item.value)) return is_zero(number->digits);
  if (const auto* word = std::get_if<Word>(&item.value)) return rank(word->text) == kRelease;
  return std::get<List>(item.value).empty();
}

// Nulls at the end go, also those before lists.
void normalize(List& list) {
  for (std::size_t i = list.size(); i-- > 0;) {
    if (is_null(list[i])) {
      list.erase(list.begin() + static_cast<std::ptrdiff_t>(i));
    } else if (!std::holds_alternative<List>(list[i].value)) {
      break;
    }
  }
}

// Each list but the first is the last item of the one before it.
List parse(std::string_view version) {
  const std::string text = lower(without_blanks(version));
  std::vector<List> stack(1);
  std::size_t start = 0;
  bool in_digits = false;
  const auto piece = [&](std::size_t end) { return text.substr(start, end - start); };
  // A word behind a dot is read as behind a dash: 1.0.rc1 is 1.0-rc1.
  const auto open_before_word = [&] {
    if (!stack.back().empty()) stack.emplace_back();
  };
  const auto add = [&](bool digits, const std::string& part, bool digit_follows) {
    stack.back().push_back(digits ? Item{Number{part}}
                                  : Item{Word{known_word(part, digit_follows)}});
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '.' || c == '-') {
      if (i == start) {
        stack.back().push_back(Item{Number{"0"}});
      } else {
        add(in_digits, piece(i), false);
      }
      start = i + 1;
      if (c == '-') stack.emplace_back();
    } else if (is_digit(c)) {
      if (!in_digits && i > start) {
        open_before_word();
        add(false, piece(i), true);
        start = i;
        stack.emplace_back();
      }
      in_digits = true;
    } else {
      if (in_digits && i > start) {
        add(true, piece(i), false);
        start = i;
        stack.emplace_back();
      }
      in_digits = false;
    }
  }
  if (text.size() > start) {
    if (!in_digits) open_before_word();
    add(in_digits, piece(text.size()), false);
  }
  while (stack.size() > 1) {
    List inner = std::move(stack.back());
    stack.pop_back();
    normalize(inner);
    stack.back().push_back(Item{std::move(inner)});
  }
  normalize(stack.front());
  return std::move(stack.front());
}

std::weak_ordering compare_items(const Item* a, const Item* b);

std::weak_ordering reversed(std::weak_ordering order) { return 0 <=> order; }

std::weak_ordering compare_lists(const List& a, const List& b) {
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    const Item* left = i < a.size() ? &a[i] : nullptr;
    const Item* right = i < b.size() ? &b[i] : nullptr;
    if (const auto by = compare_items(left, right); by != 0) return by;
  }
  return std::weak_ordering::equivalent;
}

std::weak_ordering compare_to_nothing(const Item& item) {
  if (const auto* number = std::get_if<Number>(&item.value)) {
    return is_zero(number->digits) ? std::weak_ordering::equivalent : std::weak_ordering::greater;
  }
  if (const auto* word = std::get_if<Word>(&item.value)) return rank(word->text) <=> kRelease;
  for (const Item& one : std::get<List>(item.value)) {
    if (const auto by = compare_to_nothing(one); by != 0) return by;
  }
  return std::weak_ordering::equivalent;
}

// Words come before lists, lists before numbers.
std::weak_ordering compare_items(const Item* a, const Item* b) {
  if (a == nullptr && b == nullptr) return std::weak_ordering::equivalent;
  if (b == nullptr) return compare_to_nothing(*a);
  if (a == nullptr) return reversed(compare_to_nothing(*b));
  const auto kind = [](const Item& item) {
    return std::holds_alternative<Number>(item.value) ? 2
           : std::holds_alternative<List>(item.value) ? 1
                                                      : 0;
  };
  if (const auto by = kind(*a) <=> kind(*b); by != 0) return by;
  if (const auto* number = std::get_if<Number>(&a->value)) {
    return compare_numbers(number->digits, std::get<Number>(b->value).digits);
  }
  if (const auto* word = std::get_if<Word>(&a->value)) {
    return compare_words(word->text, std::get<Word>(b->value).text);
  }
  return compare_lists(std::get<List>(a->value), std::get<List>(b->value));
}

// Maven takes any text; what has no digit names no release.
bool is_valid(std::string_view version) {
  return std::ranges::any_of(version, is_digit) &&
         std::ranges::all_of(without_blanks(version), [](char c) { return c > ' ' && c < 0x7f; });
}

std::weak_ordering compare(std::string_view a, std::string_view b) {
  return compare_lists(parse(a), parse(b));
}

}  // namespace

const Rules kMaven = {is_valid, compare};

}  // namespace holdfast::versions
