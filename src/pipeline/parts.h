// The parts that a model family chooses: what turns a prompt into conditioning, conditioning and
// latents into a prediction, latents into a picture. Immutable once built; called by the device
// thread in inference mode.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/check.h"
#include "model/decode_options.h"
#include "sampler/sampler.h"
#include "text/tokenizer.h"
#include "weights/weight.h"

namespace bafa::pipeline {

// What the text encoders made of one prompt.
struct EncodedPrompt {
  std::vector<std::int64_t> token_ids;    // as fed to the text encoder, padding included
  std::vector<std::int64_t> token_ids_2;  // to the second one; empty where there is none
  int tokens = 0;                         // of them without padding
  bool truncated = false;
  at::Tensor embeds;  // [S, D], run dtype
  at::Tensor pooled;  // [P], run dtype; undefined where the denoiser takes none
};

class Conditioner {
 public:
  virtual ~Conditioner() = default;
  virtual int max_tokens() const = 0;  // special ones included; longer prompts are cut

  // An absent prompt is a negative one that nobody gave; families differ in what they take then.
  virtual EncodedPrompt encode(const std::optional<std::string>& prompt) const = 0;

  // The same without so many layers at the encoders' end, at most max_clip_skip().
  virtual EncodedPrompt encode_skipping(const std::optional<std::string>& prompt,
                                        int layers) const {
    CHECK(layers == 0);
    return encode(prompt);
  }
  virtual int max_clip_skip() const { return 0; }
};

// What a denoiser can work out from a text alone, once for all steps. Opaque to the others.
struct PreparedText {
  std::vector<at::Tensor> tensors;  // [1, ...] each
};

struct DenoiserInput {
  at::Tensor latents;                          // [B, C, h, w] fp32
  at::Tensor timesteps;                        // [B] fp32, from the sampler's schedule
  std::span<const PreparedText* const> texts;  // B
  at::Tensor guidance_scales;                  // [B] fp64
  int width = 0;                               // of the pictures, pixels
  int height = 0;
};

class Denoiser {
 public:
  virtual ~Denoiser() = default;
  virtual std::int64_t latent_channels() const = 0;
  virtual int patch() const { return 1; }  // both sides of the latents must be divisible by it

  // Guidance is an input of the network, which then needs no negative prompt and no second forward.
  virtual bool takes_guidance() const { return false; }

  virtual PreparedText prepare(const EncodedPrompt& prompt) const = 0;
  virtual at::Tensor predict(const DenoiserInput& input) const = 0;  // [B, C, h, w], run dtype

  // An estimate of the bytes beside the weights that one image of this latent size takes.
  virtual std::uint64_t workspace_bytes(std::int64_t height, std::int64_t width) const = 0;
};

class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual int scale() const = 0;  // pixels along one side of a latent

  // latents [B, C, h, w] -> [B, 3, H, W], run dtype, about -1..1
  virtual at::Tensor decode(const at::Tensor& latents,
                            const model::DecodeOptions& options) const = 0;
  virtual std::uint64_t workspace_bytes(std::int64_t height, std::int64_t width) const = 0;
};

// Where the parts run.
struct PartDevices {
  at::Device encoder = at::kCPU;
  at::Device denoiser = at::kCPU;
  at::Device decoder = at::kCPU;
};

// What the loader decided for all parts.
struct LoadTarget {
  at::ScalarType dtype = at::kFloat;  // of weights and activations
  PartDevices devices{};
  text::TokenizerOptions tokenizer{};
  // Where the weights of "unet", "text_encoder", ... belong, for WeightOptions::component.
  std::function<weights::Component*(const std::string&)> component = [](const std::string&) {
    return nullptr;
  };
};

// How a prediction is led away from the one for the negative prompt, by the scale g.
enum class Guidance {
  from_negative,  // negative + g (prompt - negative); up to 1: none
  beyond_prompt,  // prompt + g (prompt - negative); 0: none
};

struct Parts {
  std::unique_ptr<Conditioner> conditioner;
  std::unique_ptr<Denoiser> denoiser;
  std::unique_ptr<Decoder> decoder;
  std::vector<std::unique_ptr<sampler::Sampler>> samplers;  // the default first
  int native_side = 0;  // pixels that the model was trained at; 0: not said
  int max_width = 0;    // pixels; 0: no limit of the model's own
  int max_height = 0;
  Guidance guidance = Guidance::from_negative;
  bool fits_preview = false;                // colours for previews are found from the decoder
  at::ScalarType noise_dtype = at::kFloat;  // in which the reference draws noise
};

}  // namespace bafa::pipeline
