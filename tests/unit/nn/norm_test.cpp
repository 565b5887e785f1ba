#include "nn/norm.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "support/layer_weights.h"

namespace bafa::nn {
namespace {

using test::channels_last_noise;
using test::kBf16Error;
using test::kFp32Error;
using test::LayerWeights;
using test::noise;
using test::relative_error;

struct Case {
  std::int64_t batch, channels, groups, height, width;
};

class GroupNormShapes : public testing::TestWithParam<Case> {
 protected:
  // Two numbers that are nearly equal are drawn far apart, and their rounding with them.
  double allowed(at::ScalarType dtype) { return dtype == at::kFloat ? 4 * kFp32Error : kBf16Error; }
};

TEST_P(GroupNormShapes, EqualTheReference) {
  const Case& shape = GetParam();
  const LayerWeights weights = LayerWeights().norm("norm", shape.channels);
  const at::Tensor x =
      channels_last_noise({shape.batch, shape.channels, shape.height, shape.width}) * 3 + 1;
  const at::Tensor shift = noise({shape.batch, shape.channels}, 2);
  const at::Tensor shifted = x + shift.unsqueeze(-1).unsqueeze(-1);
  for (const Activation activation : {Activation::none, Activation::silu}) {
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      auto map = weights.open(dtype);
      const GroupNorm norm(map.root() / "norm", shape.channels,
                           {.groups = shape.groups, .eps = 1e-5, .activation = activation});
      map.finish();
      const auto reference = [&](const at::Tensor& input) {
        return activate(at::group_norm(input.to(at::kDouble), shape.groups,
                                       weights["norm.weight"].to(at::kDouble),
                                       weights["norm.bias"].to(at::kDouble), 1e-5),
                        activation);
      };
      const at::Tensor y = norm(x.to(dtype));
      EXPECT_LT(relative_error(y, reference(x)), allowed(dtype));
      EXPECT_TRUE(y.is_contiguous(at::MemoryFormat::ChannelsLast));
      EXPECT_LT(relative_error(norm(x.to(dtype), shift.to(dtype)), reference(shifted)),
                allowed(dtype));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, GroupNormShapes,
                         testing::Values(Case{1, 8, 4, 5, 7}, Case{2, 12, 3, 9, 11},
                                         Case{3, 16, 8, 1, 1}, Case{1, 96, 16, 32, 32},
                                         Case{2, 176, 16, 3, 5}, Case{1, 20, 1, 4, 4},
                                         Case{1, 17, 17, 6, 6}, Case{1, 16, 8, 67, 131}));

TEST(GroupNorm, TakesAShiftThatIsPartOfALargerTensor) {
  const LayerWeights weights = LayerWeights().norm("norm", 8);
  auto map = weights.open();
  const GroupNorm norm(map.root() / "norm", 8, {.groups = 2});
  const at::Tensor x = channels_last_noise({2, 8, 3, 3});
  const at::Tensor all = noise({2, 30}, 3);
  const at::Tensor shift = all.narrow(1, 11, 8);
  EXPECT_LT(relative_error(norm(x, shift), norm(x, shift.contiguous())), 1e-7);
}

TEST(GroupNorm, KeepsItsPrecisionFarFromZero) {
  const LayerWeights weights = LayerWeights().norm("norm", 16);
  auto map = weights.open();
  const GroupNorm norm(map.root() / "norm", 16, {.groups = 4});
  const at::Tensor x = channels_last_noise({1, 16, 40, 40}) + 100;
  const at::Tensor expected =
      at::group_norm(x.to(at::kDouble), 4, weights["norm.weight"].to(at::kDouble),
                     weights["norm.bias"].to(at::kDouble), 1e-5);
  EXPECT_LT(relative_error(norm(x), expected), 1e-4);
}

TEST(GroupNorm, GivesAnImageTheSameBitsAloneAndInABatch) {
  const LayerWeights weights = LayerWeights().norm("norm", 24);
  auto map = weights.open(at::kBFloat16);
  const GroupNorm norm(map.root() / "norm", 24, {.groups = 4, .activation = Activation::silu});
  const at::Tensor x = channels_last_noise({4, 24, 33, 21}).to(at::kBFloat16);
  const at::Tensor together = norm(x);
  for (std::int64_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(norm(x.narrow(0, i, 1)).equal(together.narrow(0, i, 1)));
  }
}

TEST(LayerNorm, EqualsTheReference) {
  for (const std::int64_t features : {8, 37, 160, 1280}) {
    const LayerWeights weights = LayerWeights().norm("norm", features);
    const at::Tensor x = noise({2, 13, features}) * 2 - 1;
    const at::Tensor expected =
        at::layer_norm(x, features, weights["norm.weight"], weights["norm.bias"], 1e-5);
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      auto map = weights.open(dtype);
      const LayerNorm norm(map.root() / "norm", features);
      map.finish();
      EXPECT_LT(relative_error(norm(x.to(dtype)), expected),
                dtype == at::kFloat ? kFp32Error : kBf16Error);
    }
  }
}

// A factor for each image, as modulation gives them, or one for all.
TEST(RmsNorm, ScalesByAFactorForEachImageAndAddsAResidual) {
  const at::Tensor x = noise({3, 7, 40}, 1) * 3;
  const at::Tensor residual = noise({3, 7, 40}, 2);
  for (const std::int64_t images : {1, 3}) {
    const at::Tensor factor = noise({images, 40}, 3);
    const at::Tensor wide = x.to(at::kDouble);
    const at::Tensor expected =
        wide * at::rsqrt(wide.square().mean(-1, true) + 1e-2) * factor.to(at::kDouble).unsqueeze(1);
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kHalf}) {
      const double allowed = dtype == at::kFloat ? kFp32Error : kBf16Error;
      const at::Tensor input = x.to(dtype);
      EXPECT_LT(relative_error(rms_norm({.x = input, .factor = factor, .eps = 1e-2}), expected),
                allowed);
      EXPECT_LT(
          relative_error(
              rms_norm({.x = input, .factor = factor, .residual = residual.to(dtype), .eps = 1e-2}),
              expected + residual),
          allowed);
    }
  }
}

TEST(RmsNorm, GoesOverTheLastDimensionWithItsWeight) {
  const LayerWeights weights = LayerWeights().add("norm.weight", {6});
  auto map = weights.open();
  const RmsNorm norm(map.root() / "norm", 6, 1e-6);
  map.finish();
  const at::Tensor x = noise({2, 3, 5, 6});
  const at::Tensor expected =
      x * at::rsqrt(x.square().mean(-1, true) + 1e-6) * weights["norm.weight"];
  EXPECT_LT(relative_error(norm(x), expected), kFp32Error);
}

}  // namespace
}  // namespace bafa::nn
