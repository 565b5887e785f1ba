// How a diffusion network is told the time: sinusoids of the timestep, then two linear layers; and
// other numbers in the same way. Source: diffusers models/embeddings.py, get_timestep_embedding and
// TimestepEmbedding.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

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

// How networks that were distilled with guidance are told its scale: sinusoids of 1000 (scale - 1),
// sines first. guidance_scales [B] fp64; features even, at least 4 -> [B, features] fp32. Source:
// diffusers LatentConsistencyModelPipeline.get_guidance_scale_embedding, to the bit.
at::Tensor guidance_sinusoids(const at::Tensor& guidance_scales, std::int64_t features);

struct TimestepEmbeddingOptions {
  std::int64_t in = 0;
  std::int64_t out = 0;
  std::int64_t condition_features = 0;  // of what cond_proj adds to the sinusoids; 0: nothing
};

// linear_1, SiLU, linear_2.
class TimestepEmbedding {
 public:
  TimestepEmbedding(const weights::WeightScope& scope, const TimestepEmbeddingOptions& options);

  // sinusoids [B, in], condition [B, condition_features] if there is one -> [B, out]
  at::Tensor operator()(const at::Tensor& sinusoids, const at::Tensor& condition = {}) const;

 private:
  std::optional<Linear> cond_proj_;
  Linear linear_1_;
  Linear linear_2_;
};

}  // namespace bafa::nn
