// The parts that a model family chooses: what turns a prompt into conditioning, conditioning and
// latents into a prediction, latents into a picture. Immutable once built; called by the device
// thread in inference mode.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sampler/sampler.h"

namespace bafa::pipeline {

// What a text encoder made of one prompt.
struct EncodedPrompt {
  std::vector<std::int64_t> token_ids;  // as fed to the text encoder, padding included
  int tokens = 0;                       // of them without padding
  bool truncated = false;
  at::Tensor embeds;  // [S, D], run dtype
};

class Conditioner {
 public:
  virtual ~Conditioner() = default;
  virtual int max_tokens() const = 0;  // special ones included; longer prompts are cut
  virtual EncodedPrompt encode(const std::string& prompt) const = 0;
};

// What a denoiser can work out from a text alone, once for all steps. Opaque to the others.
struct PreparedText {
  std::vector<at::Tensor> tensors;  // [1, ...] each
};

struct DenoiserInput {
  at::Tensor latents;                          // [B, C, h, w] fp32
  at::Tensor timesteps;                        // [B] fp32, from the sampler's schedule
  std::span<const PreparedText* const> texts;  // B
};

class Denoiser {
 public:
  virtual ~Denoiser() = default;
  virtual std::int64_t latent_channels() const = 0;
  virtual PreparedText prepare(const EncodedPrompt& prompt) const = 0;
  virtual at::Tensor predict(const DenoiserInput& input) const = 0;  // [B, C, h, w], run dtype

  // An estimate of the bytes beside the weights that one image of this latent size takes.
  virtual std::uint64_t workspace_bytes(std::int64_t height, std::int64_t width) const = 0;
};

class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual int scale() const = 0;  // pixels along one side of a latent
  virtual at::Tensor decode(const at::Tensor& latents) const = 0;  // [B, 3, H, W], run dtype, -1..1
  virtual std::uint64_t workspace_bytes(std::int64_t height, std::int64_t width) const = 0;
};

// What the loader decided for all parts.
struct LoadTarget {
  at::ScalarType dtype = at::kFloat;  // of weights and activations
  at::Device device = at::kCPU;
};

struct Parts {
  std::unique_ptr<Conditioner> conditioner;
  std::unique_ptr<Denoiser> denoiser;
  std::unique_ptr<Decoder> decoder;
  std::unique_ptr<sampler::Sampler> sampler;
  int native_side = 0;  // pixels that the model was trained at; 0: not said
};

}  // namespace bafa::pipeline
