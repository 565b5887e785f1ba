// Stable Diffusion XL and its distilled kin: two of CLIP's text encoders side by side, a U-Net that
// is told a pooled text and the picture's size as well, an autoencoder. Called while a model is
// loaded. Source: diffusers pipelines/stable_diffusion_xl.
#pragma once

#include "pipeline/model_index.h"
#include "pipeline/parts.h"

namespace bafa::pipeline {

// Throws Error{invalid_model, unsupported_model}.
Parts load_stable_diffusion_xl(const ModelIndex& index, const LoadTarget& target);

}  // namespace bafa::pipeline
