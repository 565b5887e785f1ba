#include "device/out_of_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/refused.h"

namespace bafa::device {
namespace {

TEST(OutOfMemoryOfADevice, IsNamedAsBafaNamesIt) {
  const auto refused = test::refused([] {
    naming_out_of_memory(
        [] { TORCH_CHECK_WITH(OutOfMemoryError, false, "tried to allocate 2 GiB"); });
  });
  EXPECT_EQ(refused.code, ErrorCode::out_of_memory);
  EXPECT_THAT(refused.message, testing::HasSubstr("tried to allocate 2 GiB"));
}

TEST(OutOfMemoryOfADevice, IsNoOtherFailure) {
  EXPECT_THROW(naming_out_of_memory([] { TORCH_CHECK(false, "shapes differ"); }), c10::Error);
  EXPECT_EQ(naming_out_of_memory([] { return 7; }), 7);
}

}  // namespace
}  // namespace bafa::device
