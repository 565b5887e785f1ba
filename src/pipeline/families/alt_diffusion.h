// AltDiffusion: prompts in two languages through XLM-RoBERTa with a transformation head, a U-Net
// that attends every position, padding included, and an AutoencoderKL. Called while a model is
// loaded. Source: diffusers pipelines/deprecated/alt_diffusion.
#pragma once

#include "pipeline/model_index.h"
#include "pipeline/parts.h"

namespace bafa::pipeline {

// Throws Error{invalid_model, unsupported_model}.
Parts load_alt_diffusion(const ModelIndex& index, const LoadTarget& target);

}  // namespace bafa::pipeline
