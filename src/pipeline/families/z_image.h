// Z-Image and Z-Image-Turbo: prompts in Qwen3's chat template through its layers, a transformer
// over the tokens of picture and prompt together, an autoencoder of 16 channels. Called while a
// model is loaded. Source: diffusers pipelines/z_image.
#pragma once

#include "pipeline/model_index.h"
#include "pipeline/parts.h"

namespace bafa::pipeline {

// Throws Error{invalid_model, unsupported_model}.
Parts load_z_image(const ModelIndex& index, const LoadTarget& target);

}  // namespace bafa::pipeline
