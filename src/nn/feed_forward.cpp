#include "nn/feed_forward.h"

#include <ATen/TensorOperators.h>

#include <vector>

#include "nn/activation.h"
#include "nn/cpu/fused.h"
#include "nn/cpu/token_kernels.h"
#include "nn/linear_stack.h"

namespace bafa::nn {
namespace {

Linear gates_and_values(const weights::WeightScope& scope, const SiluFeedForwardOptions& options) {
  LinearStack stack(options.channels, {.bias = false});
  for (const char* name : {options.gate, options.value}) stack.add(scope / name, options.features);
  return stack.join();
}

}  // namespace

GegluFeedForward::GegluFeedForward(const weights::WeightScope& scope, std::int64_t channels)
    : to_values_and_gates_(scope / "net" / 0 / "proj", channels, 8 * channels),
      to_out_(scope / "net" / 2, 4 * channels, channels) {}

at::Tensor GegluFeedForward::operator()(const at::Tensor& x, const at::Tensor& residual) const {
  const at::Tensor joined = to_values_and_gates_(x);
  if (cpu::has_fused(joined)) return to_out_(cpu::geglu(joined), residual);
  const std::vector<at::Tensor> halves = joined.chunk(2, -1);
  return to_out_(halves[0] * activate(halves[1], Activation::gelu), residual);
}

SiluFeedForward::SiluFeedForward(const weights::WeightScope& scope,
                                 const SiluFeedForwardOptions& options)
    : to_gates_and_values_(gates_and_values(scope, options)),
      to_out_(scope / options.out, options.features, options.channels, {.bias = false}) {}

at::Tensor SiluFeedForward::inner(const at::Tensor& x) const {
  const at::Tensor joined = to_gates_and_values_(x);
  if (cpu::has_fused(joined)) return cpu::silu_gated(joined);
  const std::vector<at::Tensor> halves = joined.chunk(2, -1);
  return activate(halves[0], Activation::silu) * halves[1];
}

at::Tensor SiluFeedForward::operator()(const at::Tensor& x) const { return to_out_(inner(x)); }

at::Tensor SiluFeedForward::operator()(const at::Tensor& x, const at::Tensor& residual) const {
  return to_out_(inner(x), residual);
}

}  // namespace bafa::nn
