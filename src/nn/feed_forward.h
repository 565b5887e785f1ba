// The feed-forward half of a transformer block, gated by GELU (GEGLU,
// https://arxiv.org/abs/2002.05202). Called by the device thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "nn/linear.h"
#include "weights/weight_map.h"

namespace bafa::nn {

class GegluFeedForward {
 public:
  // Reads `net.0.proj` [8C, C] (values, then gates) and `net.2` [C, 4C], with biases.
  GegluFeedForward(const weights::WeightScope& scope, std::int64_t channels);

  // x, residual [B, S, C] -> net.2(values * gelu(gates)) + residual [B, S, C]
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& residual) const;

 private:
  Linear to_values_and_gates_;
  Linear to_out_;
};

}  // namespace bafa::nn
