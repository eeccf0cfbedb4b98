// Blobs in memory, for tests.
#pragma once

#include <memory>

#include "blob/store.hpp"

namespace holdfast::blob::memory {

std::unique_ptr<Store> make(const Clock& clock);

}  // namespace holdfast::blob::memory
