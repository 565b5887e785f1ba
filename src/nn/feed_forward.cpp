#include "nn/feed_forward.h"

#include <ATen/TensorOperators.h>

#include <vector>

#include "nn/activation.h"
#include "nn/cpu/fused.h"

namespace bafa::nn {

GegluFeedForward::GegluFeedForward(const weights::WeightScope& scope, std::int64_t channels)
    : to_values_and_gates_(scope / "net" / 0 / "proj", channels, 8 * channels),
      to_out_(scope / "net" / 2, 4 * channels, channels) {}

at::Tensor GegluFeedForward::operator()(const at::Tensor& x, const at::Tensor& residual) const {
  const at::Tensor joined = to_values_and_gates_(x);
  if (cpu::has_fused(joined)) return to_out_(cpu::geglu(joined), residual);
  const std::vector<at::Tensor> halves = joined.chunk(2, -1);
  return to_out_(halves[0] * activate(halves[1], Activation::gelu), residual);
}

}  // namespace bafa::nn
