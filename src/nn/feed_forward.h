// The feed-forward half of a transformer block, gated by GELU or SiLU (GEGLU and SwiGLU,
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

struct SiluFeedForwardOptions {
  std::int64_t channels = 0;
  std::int64_t features = 0;  // within
  const char* gate = "";      // the layers' names
  const char* value = "";
  const char* out = "";
};

class SiluFeedForward {
 public:
  // Reads gate and value [features, channels] and out [channels, features], without biases.
  SiluFeedForward(const weights::WeightScope& scope, const SiluFeedForwardOptions& options);

  // x [..., C] -> out(silu(gate(x)) * value(x)) [..., C]
  at::Tensor operator()(const at::Tensor& x) const;

  // The same plus residual [..., C].
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& residual) const;

 private:
  at::Tensor inner(const at::Tensor& x) const;

  Linear to_gates_and_values_;
  Linear to_out_;
};

}  // namespace bafa::nn
