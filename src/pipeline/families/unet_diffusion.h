// The denoiser that families with a U-Net share: Stable Diffusion, AltDiffusion and their kin.
// Called while a model is loaded.
#pragma once

#include <memory>

#include "model/unet_config.h"
#include "pipeline/model_index.h"
#include "pipeline/parts.h"

namespace bafa::pipeline {

// What a family has for its U-Net beside the text.
struct UNetRules {
  enum class Guidance { as_config_says, is_an_input };
  bool pooled_text = false;  // and the picture's sizes
  Guidance guidance = Guidance::as_config_says;
};

struct LoadedUNet {
  std::unique_ptr<Denoiser> denoiser;
  model::UNetConfig config;
};

// Reads the folder "unet". Throws Error{invalid_model, unsupported_model}, also for a network that
// takes in something else than the rules say.
LoadedUNet load_unet(const ModelIndex& index, const LoadTarget& target, const UNetRules& rules);

}  // namespace bafa::pipeline
