#include "blob/memory/memory.hpp"

#include "blob/testing/contract.hpp"

namespace holdfast::blob::testing {
namespace {

std::unique_ptr<Store> open_fresh(std::shared_ptr<void>&) {
  static const SystemClock clock;
  return memory::make(clock);
}

INSTANTIATE_TEST_SUITE_P(Memory, BlobContract, ::testing::Values(&open_fresh));

}  // namespace
}  // namespace holdfast::blob::testing
