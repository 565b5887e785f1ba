#include "pipeline/families/stable_diffusion_xl.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/component_config.h"
#include "pipeline/families/clip_conditioner.h"
#include "pipeline/families/decoders.h"
#include "pipeline/families/tokens.h"
#include "pipeline/families/unet_diffusion.h"

namespace bafa::pipeline {
namespace {

// The encoders' last layer but one, as it is.
ClipConditionerOptions conditioner_options(const ModelIndex& index, const LoadTarget& target) {
  return {.skipped_layers = 1,
          .final_norm = false,
          .zeros_for_absent_prompt = index.flag("force_zeros_for_empty_prompt", true),
          .target = target};
}

// The last layer is not used, so there must be another.
void check_layers(const ModelIndex& index, const ClipTextPart& part, const std::string& folder) {
  if (part.encoder.config().layers > 1) return;
  const ComponentConfig json(index.folder / folder / "config.json");
  json.refuse_invalid("num_hidden_layers", "must be above 1 with " + index.family);
}

void check_pooled(const ComponentConfig& json, std::int64_t own, std::int64_t unets) {
  if (own == unets) return;
  json.refuse_invalid("projection_dim", "is " + std::to_string(own) +
                                            " where the unet's add_embedding takes " +
                                            std::to_string(unets));
}

std::unique_ptr<Conditioner> load_conditioner(const ModelIndex& index, const LoadTarget& target,
                                              const model::UNetConfig& unet) {
  std::vector<ClipTextPart> parts;
  parts.push_back(load_clip_text(index, target, "", model::ClipTextHead::none));
  parts.push_back(load_clip_text(index, target, "_2", model::ClipTextHead::projection));
  check_layers(index, parts[0], "text_encoder");
  check_layers(index, parts[1], "text_encoder_2");
  const ComponentConfig json(index.folder / "text_encoder_2" / "config.json");
  if (parts[0].tokenizer->max_length() != parts[1].tokenizer->max_length())
    json.refuse_invalid("model_max_length", "of tokenizer and tokenizer_2 differ");
  auto conditioner =
      std::make_unique<ClipConditioner>(std::move(parts), conditioner_options(index, target));
  check_width_fits(json, "hidden_size",
                   {.features = conditioner->text_features(), .unet_features = unet.text_features});
  check_pooled(json, conditioner->pooled_features(), unet.pooled_features);
  return conditioner;
}

}  // namespace

Parts load_stable_diffusion_xl(const ModelIndex& index, const LoadTarget& target) {
  Parts parts;
  LoadedUNet unet = load_unet(index, target, {.pooled_text = true});
  parts.denoiser = std::move(unet.denoiser);
  parts.decoder = load_decoder(index, target,
                               {.latent_channels = parts.denoiser->latent_channels(),
                                .upcast = Upcast::where_config_says,
                                .unscaling = Unscaling::without_shift});
  parts.conditioner = load_conditioner(index, target, unet.config);
  parts.native_side = static_cast<int>(unet.config.sample_size) * parts.decoder->scale();
  parts.noise_dtype = target.dtype;
  return parts;
}

}  // namespace bafa::pipeline
