#include "nn/resample.h"

#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/upsample_nearest2d.h>

#include <array>

#include "base/check.h"

namespace bafa::nn {

Upsample2d::Upsample2d(const weights::WeightScope& scope, std::int64_t channels)
    : conv_(scope / "conv", channels, channels) {}

at::Tensor Upsample2d::operator()(const at::Tensor& x, const ImageSize& size) const {
  const std::array<std::int64_t, 2> sides{size.height, size.width};
  return conv_(at::upsample_nearest2d(x, sides));
}

Downsample2d::Downsample2d(const weights::WeightScope& scope, std::int64_t channels,
                           std::int64_t padding)
    : conv_(scope / "conv", channels, channels, {.stride = 2, .padding = padding}),
      padding_(padding) {
  CHECK(padding == 0 || padding == 1);
}

at::Tensor Downsample2d::operator()(const at::Tensor& x) const {
  if (padding_ == 1) return conv_(x);
  constexpr std::array<std::int64_t, 4> kRightAndBelow{0, 1, 0, 1};
  return conv_(at::constant_pad_nd(x, kRightAndBelow, 0));
}

}  // namespace bafa::nn
