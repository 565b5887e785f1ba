// Stable Diffusion 1 and 2 and their distilled kin: one of CLIP's text encoders, a U-Net, an
// autoencoder; and latent consistency models, whose U-Net takes guidance as an input. Called while
// a model is loaded. Source: diffusers pipelines/stable_diffusion,
// pipelines/latent_consistency_models.
#pragma once

#include "pipeline/model_index.h"
#include "pipeline/parts.h"

namespace bafa::pipeline {

// Each throws Error{invalid_model, unsupported_model}.
Parts load_stable_diffusion(const ModelIndex& index, const LoadTarget& target);
Parts load_latent_consistency(const ModelIndex& index, const LoadTarget& target);

}  // namespace bafa::pipeline
