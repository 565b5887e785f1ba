#include "nn/conv2d.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "nn/onednn.h"
#include "support/allocated_bytes.h"
#include "support/layer_weights.h"

namespace bafa::nn {
namespace {

using test::channels_last_noise;
using test::kBf16Error;
using test::kFp32Error;
using test::LayerWeights;
using test::relative_error;

struct Case {
  std::int64_t in, out;
  Conv2dOptions options;
  std::int64_t height, width;
};

class Conv2dShapes : public testing::TestWithParam<Case> {};

TEST_P(Conv2dShapes, EqualTheReferenceInBothDtypes) {
  const Case& shape = GetParam();
  const LayerWeights weights =
      LayerWeights().conv("conv", shape.in, shape.out, shape.options.kernel, shape.options.bias);
  const at::Tensor x = channels_last_noise({2, shape.in, shape.height, shape.width});
  const at::Tensor product =
      at::conv2d(x, weights["conv.weight"],
                 shape.options.bias ? std::optional(weights["conv.bias"]) : std::nullopt,
                 shape.options.stride, shape.options.padding);
  const at::Tensor residual = channels_last_noise(product.sizes().vec(), 2);
  const at::Tensor expected = activate(product.clone(), shape.options.activation);
  const at::Tensor with_residual = activate(product + residual, shape.options.activation);
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const double allowed = dtype == at::kFloat ? kFp32Error : kBf16Error;
    auto map = weights.open(dtype);
    const Conv2d conv(map.root() / "conv", shape.in, shape.out, shape.options);
    map.finish();
    const at::Tensor y = conv(x.to(dtype));
    EXPECT_LT(relative_error(y, expected), allowed);
    EXPECT_TRUE(y.is_contiguous(at::MemoryFormat::ChannelsLast));
    EXPECT_LT(
        relative_error(conv(x.to(dtype), residual.to(dtype, false, /*copy=*/true)), with_residual),
        allowed);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Conv2dShapes,
                         testing::Values(Case{4, 12, {}, 9, 11}, Case{12, 4, {}, 8, 8},
                                         Case{5, 7, {}, 1, 3}, Case{6, 8, {}, 1, 1},
                                         Case{8, 8, {.activation = Activation::relu}, 1, 1},
                                         Case{16, 24, {.kernel = 1, .padding = 0}, 6, 5},
                                         Case{8, 8, {.stride = 2}, 9, 7},
                                         Case{8, 8, {.stride = 2, .padding = 0}, 10, 8},
                                         Case{6, 10, {.kernel = 5, .padding = 2}, 7, 7},
                                         Case{8, 8, {.bias = false}, 5, 6},
                                         Case{8, 8, {.activation = Activation::relu}, 5, 6}));

TEST(Conv2d, TakesAnImageThatIsNotChannelsLast) {
  const LayerWeights weights = LayerWeights().conv("conv", 6, 9, 3);
  auto map = weights.open();
  const Conv2d conv(map.root() / "conv", 6, 9);
  const at::Tensor x = test::noise({1, 6, 5, 7});
  EXPECT_LT(
      relative_error(conv(x), at::conv2d(x, weights["conv.weight"], weights["conv.bias"], 1, 1)),
      kFp32Error);
}

// Widths for which oneDNN changes its layout with the size of the image.
TEST(Conv2d, EqualsTheReferenceAtAnySizeInAnyOrder) {
  const LayerWeights weights = LayerWeights().conv("conv", 96, 192, 3);
  auto map = weights.open();
  const Conv2d conv(map.root() / "conv", 96, 192);
  for (const std::int64_t side : {8, 16, 64, 8, 16}) {
    const at::Tensor x = channels_last_noise({1, 96, side, side});
    EXPECT_LT(
        relative_error(conv(x), at::conv2d(x, weights["conv.weight"], weights["conv.bias"], 1, 1)),
        kFp32Error)
        << side;
  }
}

// A layout that does not fit is told by the second weight that the call makes of it.
TEST(Conv2d, AFittedWeightIsUsedAsItLies) {
  constexpr std::int64_t kIn = 96;
  constexpr std::int64_t kOut = 192;
  const onednn::ConvOptions options{.padding = 1};
  const at::Tensor weight = test::noise({kOut, kIn, 3, 3});
  if (!onednn::can_pack(weight)) GTEST_SKIP() << "this machine packs nothing";
  const at::Tensor packed = onednn::pack_conv2d(weight, options);
  for (const std::int64_t side : {4, 8, 16, 32, 64}) {
    const at::Tensor x = channels_last_noise({1, kIn, side, side});
    const at::Tensor fitted = onednn::fit(packed, x.sizes(), options);
    EXPECT_TRUE(onednn::fits(fitted, x.sizes(), options)) << side;
    const auto conv = [&](const at::Tensor& by) { onednn::conv2d(x, by, {}, options); };
    conv(fitted);
    const std::int64_t with_fitted = test::peak_bytes([&] { conv(fitted); });
    const std::int64_t with_packed = test::peak_bytes([&] { conv(packed); });
    EXPECT_EQ(onednn::fits(packed, x.sizes(), options),
              with_packed < with_fitted + static_cast<std::int64_t>(weight.nbytes()))
        << side;
  }
}

}  // namespace
}  // namespace bafa::nn
