// How a diffusion network is told the time: sinusoids of the timestep, then two linear layers.
// Source: diffusers models/embeddings.py, get_timestep_embedding and TimestepEmbedding.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "nn/linear.h"
#include "weights/weight_map.h"

namespace bafa::nn {

struct SinusoidOptions {
  std::int64_t features = 0;    // even
  bool flip_sin_to_cos = true;  // cosines first
  double freq_shift = 0;        // frequency j is 10000^(-j / (features / 2 - freq_shift))
};

// timesteps [B] fp32, may be fractional -> [B, features] fp32 on the same device
at::Tensor timestep_sinusoids(const at::Tensor& timesteps, const SinusoidOptions& options);

// linear_1, SiLU, linear_2.
class TimestepEmbedding {
 public:
  TimestepEmbedding(const weights::WeightScope& scope, std::int64_t in, std::int64_t out);

  // sinusoids [B, in] -> [B, out]
  at::Tensor operator()(const at::Tensor& sinusoids) const;

 private:
  Linear linear_1_;
  Linear linear_2_;
};

}  // namespace bafa::nn
