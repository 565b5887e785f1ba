#include "nn/linear.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "nn/linear_stack.h"
#include "support/layer_weights.h"

namespace bafa::nn {
namespace {

using test::kBf16Error;
using test::kFp32Error;
using test::LayerWeights;
using test::noise;
using test::relative_error;

TEST(Linear, EqualsTheProductPlusBias) {
  const LayerWeights weights = LayerWeights().linear("layer", 37, 51);
  auto map = weights.open();
  const Linear layer(map.root() / "layer", 37, 51);
  map.finish();
  const at::Tensor x = noise({2, 5, 37});
  const at::Tensor expected = at::linear(x, weights["layer.weight"], weights["layer.bias"]);
  EXPECT_LT(relative_error(layer(x), expected), kFp32Error);
}

TEST(Linear, AddsTheResidual) {
  const LayerWeights weights = LayerWeights().linear("layer", 40, 24, false);
  auto map = weights.open();
  const Linear layer(map.root() / "layer", 40, 24, {.bias = false});
  map.finish();
  const at::Tensor x = noise({3, 7, 40});
  const at::Tensor residual = noise({3, 7, 24}, 2);
  const at::Tensor before = residual.clone();
  EXPECT_LT(relative_error(layer(x, residual), at::linear(x, weights["layer.weight"]) + residual),
            kFp32Error);
  EXPECT_TRUE(residual.equal(before));
}

class LinearActivation : public testing::TestWithParam<Activation> {};

TEST_P(LinearActivation, IsAppliedToTheOutput) {
  const LayerWeights weights = LayerWeights().linear("layer", 19, 33);
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    auto map = weights.open(dtype);
    const Linear layer(map.root() / "layer", 19, 33, {.activation = GetParam()});
    const at::Tensor x = noise({11, 19});
    const at::Tensor plain = at::linear(x, weights["layer.weight"], weights["layer.bias"]);
    EXPECT_LT(relative_error(layer(x.to(dtype)), activate(plain, GetParam())),
              dtype == at::kFloat ? kFp32Error : kBf16Error);
  }
}

INSTANTIATE_TEST_SUITE_P(All, LinearActivation,
                         testing::Values(Activation::none, Activation::silu, Activation::gelu,
                                         Activation::gelu_tanh, Activation::quick_gelu,
                                         Activation::relu));

TEST(LinearStack, GivesEachLayerItsRangeOfOneProduct) {
  const LayerWeights weights = LayerWeights().linear("a", 16, 5).linear("b", 16, 9);
  auto map = weights.open();
  LinearStack stack(16);
  const OutputRange a = stack.add(map.root() / "a", 5);
  const OutputRange b = stack.add(map.root() / "b", 9);
  const Linear joined = stack.join();
  map.finish();
  const at::Tensor x = noise({3, 16});
  const at::Tensor y = joined(x);
  EXPECT_LT(relative_error(a.of(y), at::linear(x, weights["a.weight"], weights["a.bias"])),
            kFp32Error);
  EXPECT_LT(relative_error(b.of(y), at::linear(x, weights["b.weight"], weights["b.bias"])),
            kFp32Error);
}

}  // namespace
}  // namespace bafa::nn
