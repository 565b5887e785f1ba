#include "pipeline/guidance.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <vector>

#include "support/layer_weights.h"

namespace bafa::pipeline {
namespace {

at::Tensor lengths(const at::Tensor& x) { return x.flatten(1).norm(2, 1); }

TEST(Guidance, CutsThePicturesThatAskForItAndAreLonger) {
  const at::Tensor negative = at::ones({3, 1, 2, 2});
  const at::Tensor with_text = 2 * negative;
  const GuidanceSettings free{.scale = 3};
  const GuidanceSettings cut{.scale = 3, .normalization = 1.5};
  const GuidanceSettings short_enough{.scale = 0.25, .normalization = 1.5};
  const at::Tensor result =
      guided(Guidance::beyond_prompt, negative, with_text, std::vector{&free, &cut, &short_enough});
  const at::Tensor expected = at::tensor({10.F, 6.F, 4.5F});  // of four numbers: 2 + scale, twice
  EXPECT_LT(test::relative_error(lengths(result), expected), 1e-6);
}

// Source: ZImagePipeline, which compares the time in single precision: a tenth is more than 0.1.
TEST(Guidance, EndsBeyondItsShareOfTheWay) {
  const GuidanceSettings tenth{.truncation = 0.1};
  EXPECT_TRUE(tenth.guides(1000));
  EXPECT_FALSE(tenth.guides(900));
  EXPECT_TRUE(tenth.guides(901));
  EXPECT_TRUE(GuidanceSettings{.truncation = 0.25}.guides(750));
  EXPECT_TRUE(GuidanceSettings{.truncation = 0}.guides(1000));
  EXPECT_TRUE(GuidanceSettings{}.guides(0));
}

}  // namespace
}  // namespace bafa::pipeline
