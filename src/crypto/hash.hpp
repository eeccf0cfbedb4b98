// SHA-256 and SHA-512 over a stream of bytes.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace holdfast::crypto {

enum class HashAlgorithm { sha256, sha512 };

// One hash under way. Not for several threads at once.
class Hasher {
 public:
  explicit Hasher(HashAlgorithm algorithm);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void update(std::span<const std::byte> bytes);
  // The raw hash of all that came; update() can go on afterwards.
  [[nodiscard]] std::string digest() const;

 private:
  struct Native;
  std::unique_ptr<Native> native_;
};

}  // namespace holdfast::crypto
