// Errors as values: everything that a user, a disk, a peer or a race can cause is a Result<T>.
//
// Exceptions are for bugs and for start-up; the edge catches them once. A Result that is dropped
// is a compiler warning, and warnings are errors.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast {

// The closed set of what can go wrong. Protocols map (code, reason) to their own words and status
// in one table each, below api/.
enum class ErrorCode {
  not_found,
  already_exists,
  invalid,
  unauthenticated,
  denied,
  conflict,
  quota,
  rate_limited,
  too_large,
  out_of_range,
  no_space,
  read_only,
  unavailable,
  timeout,
  corrupt,
  unsupported,
  internal,
};

// The name of a code as logs and tests write it: "not_found".
std::string_view name(ErrorCode code);

// What went wrong. `reason` is a constant that the module declares (it must have static storage),
// finer than the code and stable: "blob_unknown". `message` is for people; it never holds a secret.
// `details` lists the things concerned, one entry each: every missing digest of a manifest.
struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::internal;
  std::string_view reason;
  std::string message;
  std::vector<std::string> details;
};

// A line for the log: "not_found/blob_unknown: no such blob (sha256:…)".
std::string describe(const Error& error);

// A value or an Error. Copies and moves as its content does; no thread-safety of its own.
template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : content_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Error error)
      : content_(std::unexpected(std::move(error))) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool has_value() const { return content_.has_value(); }
  explicit operator bool() const { return content_.has_value(); }

  T& operator*() & { return *content_; }
  const T& operator*() const& { return *content_; }
  T&& operator*() && { return *std::move(content_); }
  T* operator->() { return &*content_; }
  const T* operator->() const { return &*content_; }

  // The value; throws std::bad_expected_access when there is none. For tests and start-up.
  T& value() & { return content_.value(); }
  const T& value() const& { return content_.value(); }
  T&& value() && { return std::move(content_).value(); }

  Error& error() & { return content_.error(); }
  [[nodiscard]] const Error& error() const& { return content_.error(); }
  Error&& error() && { return std::move(content_).error(); }

 private:
  std::expected<T, Error> content_;
};

// Success or an Error; `return {};` is success.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error)
      : content_(std::unexpected(std::move(error))) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool has_value() const { return content_.has_value(); }
  explicit operator bool() const { return content_.has_value(); }
  void value() const { content_.value(); }

  Error& error() & { return content_.error(); }
  [[nodiscard]] const Error& error() const& { return content_.error(); }
  Error&& error() && { return std::move(content_).error(); }

 private:
  std::expected<void, Error> content_;
};

// An Error for `return`: fail(ErrorCode::not_found, kBlobUnknown, "no such blob").
inline Error fail(ErrorCode code, std::string_view reason, std::string message,
                  std::vector<std::string> details = {}) {
  return Error{code, reason, std::move(message), std::move(details)};
}

}  // namespace holdfast

#define HF_CONCAT_INNER(a, b) a##b
#define HF_CONCAT(a, b) HF_CONCAT_INNER(a, b)

// HF_TRY(auto blob, store.open(key)): declares (or assigns) the value, or returns the error.
#define HF_TRY_AS(keyword, temporary, declaration, ...)             \
  auto temporary = (__VA_ARGS__);                                   \
  if (!temporary.has_value()) keyword std::move(temporary).error(); \
  declaration = *std::move(temporary)
#define HF_TRY(declaration, ...) \
  HF_TRY_AS(return, HF_CONCAT(hf_result_, __LINE__), declaration, __VA_ARGS__)
#define HF_CO_TRY(declaration, ...) \
  HF_TRY_AS(co_return, HF_CONCAT(hf_result_, __LINE__), declaration, __VA_ARGS__)

// HF_CHECK(file.sync()): goes on when it went well, or returns the error.
#define HF_CHECK_AS(keyword, ...)                               \
  do {                                                          \
    if (auto hf_check = (__VA_ARGS__); !hf_check.has_value()) { \
      keyword std::move(hf_check).error();                      \
    }                                                           \
  } while (false)
#define HF_CHECK(...) HF_CHECK_AS(return, __VA_ARGS__)
#define HF_CO_CHECK(...) HF_CHECK_AS(co_return, __VA_ARGS__)
