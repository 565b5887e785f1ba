#include "pipeline/families/unet_diffusion.h"

#include <ATen/ops/tensor.h>

#include <utility>
#include <vector>

#include "base/check.h"
#include "base/component_config.h"
#include "model/unet.h"
#include "weights/checkpoint.h"
#include "weights/weight_map.h"

namespace bafa::pipeline {
namespace {

// Tensors of the widest level that are alive at once: input, output, skip and what lies between.
constexpr std::uint64_t kLiveTensors = 6;

class UNetDenoiser final : public Denoiser {
 public:
  UNetDenoiser(const model::UNetConfig& config, const weights::WeightScope& scope)
      : network_(config, scope), element_bytes_(c10::elementSize(scope.dtype())) {}

  std::int64_t latent_channels() const override { return network_.config().in_channels; }

  bool takes_guidance() const override { return network_.config().guidance_features > 0; }

  // The pooled text comes last.
  PreparedText prepare(const EncodedPrompt& prompt) const override {
    const at::Tensor pooled = has_pooled() ? prompt.pooled.unsqueeze(0) : at::Tensor();
    model::UNetText text = network_.prepare(prompt.embeds.unsqueeze(0), pooled);
    if (has_pooled()) text.keys_values.push_back(text.pooled);
    return {std::move(text.keys_values)};
  }

  at::Tensor predict(const DenoiserInput& input) const override {
    std::vector<model::UNetText> texts;
    std::vector<const model::UNetText*> pointers;
    for (const PreparedText* text : input.texts) texts.push_back(unpack(*text));
    for (const model::UNetText& text : texts) pointers.push_back(&text);
    const model::UNetText joined = model::join(pointers);
    return network_({.latents = input.latents,
                     .timesteps = input.timesteps,
                     .text = &joined,
                     .size_ids = has_pooled() ? size_ids(input) : at::Tensor(),
                     .guidance_scales = input.guidance_scales});
  }

  std::uint64_t workspace_bytes(std::int64_t height, std::int64_t width) const override {
    const auto channels = static_cast<std::uint64_t>(network_.config().levels.front().channels);
    return kLiveTensors * channels * static_cast<std::uint64_t>(height * width) * element_bytes_;
  }

 private:
  bool has_pooled() const { return network_.config().pooled_features > 0; }

  model::UNetText unpack(const PreparedText& text) const {
    model::UNetText unpacked{.keys_values = text.tensors, .pooled = {}};
    if (!has_pooled()) return unpacked;
    unpacked.pooled = unpacked.keys_values.back();
    unpacked.keys_values.pop_back();
    return unpacked;
  }

  // Whole pictures of the size that is asked for: original and target are one, nothing is cropped.
  static at::Tensor size_ids(const DenoiserInput& input) {
    const auto height = static_cast<float>(input.height);
    const auto width = static_cast<float>(input.width);
    return at::tensor({height, width, 0.0F, 0.0F, height, width}, at::TensorOptions(at::kFloat))
        .to(input.latents.device())
        .expand({input.latents.size(0), model::kSizeIds});
  }

  model::UNet network_;
  std::uint64_t element_bytes_;
};

void check_rules(const ComponentConfig& json, const model::UNetConfig& config,
                 const UNetRules& rules, const std::string& family) {
  const bool pooled = config.pooled_features > 0;
  if (pooled && !rules.pooled_text)
    json.refuse("addition_embed_type", "needs a pooled text, which " + family + " lacks");
  if (!pooled && rules.pooled_text)
    json.refuse("addition_embed_type", "must be text_time with " + family);
  if (config.guidance_features == 0 && rules.guidance == UNetRules::Guidance::is_an_input)
    json.refuse("time_cond_proj_dim", "is missing, which " + family + " needs");
}

}  // namespace

LoadedUNet load_unet(const ModelIndex& index, const LoadTarget& target, const UNetRules& rules) {
  const std::filesystem::path folder = index.folder / "unet";
  ComponentConfig json(folder / "config.json");
  const model::UNetConfig config = model::parse_unet_config(json);
  check_rules(json, config, rules, index.family);
  weights::WeightMap map(weights::Checkpoint(folder, "diffusion_pytorch_model"),
                         {.dtype = target.dtype,
                          .device = target.devices.denoiser,
                          .component = target.component("unet")});
  auto denoiser = std::make_unique<UNetDenoiser>(config, map.root());
  map.finish();
  return {std::move(denoiser), config};
}

}  // namespace bafa::pipeline
