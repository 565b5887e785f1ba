// The parts that families with a U-Net and an AutoencoderKL share: Stable Diffusion, AltDiffusion
// and their kin. Called while a model is loaded.
#pragma once

#include <memory>

#include "pipeline/model_index.h"
#include "pipeline/parts.h"
#include "weights/weight_map.h"

namespace bafa::pipeline {

// Each reads its own folder of `index`. Throws Error{invalid_model, unsupported_model}.
struct LoadedUNet {
  std::unique_ptr<Denoiser> denoiser;
  std::int64_t text_features = 0;  // what prompts must be encoded to
  std::int64_t sample_size = 0;    // latent side the model was trained at; 0: not said
};
LoadedUNet load_unet(const ModelIndex& index, const LoadTarget& target);
std::unique_ptr<Decoder> load_autoencoder_kl(const ModelIndex& index, const LoadTarget& target,
                                             std::int64_t latent_channels);
std::unique_ptr<sampler::Sampler> load_sampler(const ModelIndex& index);

}  // namespace bafa::pipeline
