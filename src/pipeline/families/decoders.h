// The decoders that families of latent diffusion share: AutoencoderKL and AutoencoderTiny, by the
// class that model_index.json names. Called while a model is loaded.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "pipeline/model_index.h"
#include "pipeline/parts.h"

namespace bafa::pipeline {

// The classes of "vae" that load_decoder knows.
std::vector<std::string> decoder_classes();

// Whether a decoder that overflows fp16, as its config says, runs in fp32 there. The reference does
// so in some families only.
enum class Upcast { never, where_config_says };

// What of its config the family's pipeline class heeds in the reference when it puts latents back
// to scale.
enum class Unscaling {
  all,            // scaling_factor, shift_factor, or latents_mean and latents_std
  without_shift,  // not shift_factor
  scaling_factor_only
};

struct DecoderOptions {
  std::int64_t latent_channels = 0;  // of the denoiser
  Upcast upcast = Upcast::never;
  Unscaling unscaling = Unscaling::all;
};

// Reads the folder "vae". Throws Error{invalid_model, unsupported_model}.
std::unique_ptr<Decoder> load_decoder(const ModelIndex& index, const LoadTarget& target,
                                      const DecoderOptions& options);

}  // namespace bafa::pipeline
