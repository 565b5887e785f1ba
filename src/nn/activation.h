// The pointwise functions that networks put between their matrix products. Layers that can apply
// one to their own output take it as an option, so that it costs no pass over memory of its own.
#pragma once

#include <ATen/core/Tensor.h>

namespace bafa::nn {

enum class Activation {
  none,
  silu,        // x * sigmoid(x)
  gelu,        // x * Phi(x), exact (erf)
  gelu_tanh,   // the tanh approximation of it
  quick_gelu,  // x * sigmoid(1.702 x), the first CLIP's approximation
  relu,
};

// May work in place: `x` is given up.
at::Tensor activate(at::Tensor x, Activation activation);

}  // namespace bafa::nn
