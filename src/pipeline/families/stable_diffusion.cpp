#include "pipeline/families/stable_diffusion.h"

#include <memory>
#include <utility>
#include <vector>

#include "base/component_config.h"
#include "pipeline/families/clip_conditioner.h"
#include "pipeline/families/decoders.h"
#include "pipeline/families/tokens.h"
#include "pipeline/families/unet_diffusion.h"

namespace bafa::pipeline {
namespace {

std::unique_ptr<Conditioner> load_conditioner(const ModelIndex& index, const LoadTarget& target,
                                              std::int64_t unet_features) {
  std::vector<ClipTextPart> parts;
  parts.push_back(load_clip_text(index, target, "", model::ClipTextHead::none));
  const ComponentConfig json(index.folder / "text_encoder" / "config.json");
  check_width_fits(
      json, "hidden_size",
      {.features = parts.front().encoder.config().features, .unet_features = unet_features});
  return std::make_unique<ClipConditioner>(std::move(parts),
                                           ClipConditionerOptions{.target = target});
}

Parts load_parts(const ModelIndex& index, const LoadTarget& target, const UNetRules& rules) {
  Parts parts;
  LoadedUNet unet = load_unet(index, target, rules);
  parts.denoiser = std::move(unet.denoiser);
  parts.decoder = load_decoder(index, target,
                               {.latent_channels = parts.denoiser->latent_channels(),
                                .unscaling = Unscaling::scaling_factor_only});
  parts.conditioner = load_conditioner(index, target, unet.config.text_features);
  parts.native_side = static_cast<int>(unet.config.sample_size) * parts.decoder->scale();
  parts.noise_dtype = target.dtype;
  return parts;
}

}  // namespace

Parts load_stable_diffusion(const ModelIndex& index, const LoadTarget& target) {
  return load_parts(index, target, {});
}

Parts load_latent_consistency(const ModelIndex& index, const LoadTarget& target) {
  return load_parts(index, target, {.guidance = UNetRules::Guidance::is_an_input});
}

}  // namespace bafa::pipeline
