#include "blob/digesting.hpp"

namespace holdfast::blob {

Digesting::Digesting(oci::Algorithm algorithm)
    : algorithm_(algorithm),
      hasher_(algorithm == oci::Algorithm::sha256 ? crypto::HashAlgorithm::sha256
                                                  : crypto::HashAlgorithm::sha512) {}

}  // namespace holdfast::blob
