// Names of repositories and tags (OCI distribution-spec 1.1, "Pulling manifests").
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace holdfast::oci {

inline constexpr std::string_view kNameInvalid = "name_invalid";  // invalid
inline constexpr std::string_view kTagInvalid = "tag_invalid";    // invalid

// "namespace/repository[/deeper…]": at least two components of
// [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*, at most 255 bytes. Always valid.
class RepositoryName {
 public:
  // invalid/kNameInvalid; a name of one component gets a message that says that a namespace is
  // needed.
  static Result<RepositoryName> parse(std::string_view text);

  [[nodiscard]] const std::string& text() const { return text_; }
  // The first component: the user or organization that owns it.
  [[nodiscard]] std::string_view ns() const;
  // All behind the namespace: "repository[/deeper…]".
  [[nodiscard]] std::string_view repository() const;

  auto operator<=>(const RepositoryName&) const = default;

 private:
  explicit RepositoryName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// One component alone, as the name of an account must be.
bool is_name_component(std::string_view text);

// [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}. Always valid.
class Tag {
 public:
  // invalid/kTagInvalid.
  static Result<Tag> parse(std::string_view text);
  [[nodiscard]] const std::string& text() const { return text_; }
  // Whether it belongs to another manifest: the tag of its referrers ("sha256-<hex>", by the
  // distribution-spec) or of a signature ("sha256-<hex>.sig", by cosign).
  [[nodiscard]] bool is_companion() const;
  auto operator<=>(const Tag&) const = default;

 private:
  explicit Tag(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace holdfast::oci
