#include "nn/activation.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>

namespace bafa::nn {

at::Tensor activate(at::Tensor x, Activation activation) {
  switch (activation) {
    case Activation::none: return x;
    case Activation::silu: return at::silu_(x);
    case Activation::gelu: return at::gelu_(x, "none");
    case Activation::gelu_tanh: return at::gelu_(x, "tanh");
    case Activation::quick_gelu: return at::sigmoid(x * 1.702).mul_(x);
    case Activation::relu: return at::relu_(x);
  }
  return x;
}

}  // namespace bafa::nn
