// Hashing of a blob under way, in the words of `oci`.
#pragma once

#include <cstddef>
#include <span>

#include "crypto/hash.hpp"
#include "oci/digest.hpp"

namespace holdfast::blob {

// The hash of the bytes so far, by one algorithm.
class Digesting {
 public:
  explicit Digesting(oci::Algorithm algorithm);
  void update(std::span<const std::byte> bytes) { hasher_.update(bytes); }
  [[nodiscard]] oci::Algorithm algorithm() const { return algorithm_; }
  [[nodiscard]] oci::Digest digest() const { return oci::Digest::of(algorithm_, hasher_.digest()); }

 private:
  oci::Algorithm algorithm_;
  crypto::Hasher hasher_;
};

}  // namespace holdfast::blob
