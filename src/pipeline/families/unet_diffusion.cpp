#include "pipeline/families/unet_diffusion.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "bafa/error.h"
#include "base/component_config.h"
#include "model/autoencoder_kl.h"
#include "model/unet.h"
#include "sampler/flow_match_euler.h"
#include "weights/checkpoint.h"

namespace bafa::pipeline {
namespace {

// Tensors of the widest level that are alive at once: input, output, skip and what lies between.
constexpr std::uint64_t kLiveTensors = 6;

class UNetDenoiser final : public Denoiser {
 public:
  UNetDenoiser(const model::UNetConfig& config, const weights::WeightScope& scope)
      : network_(config, scope), element_bytes_(c10::elementSize(scope.dtype())) {}

  std::int64_t latent_channels() const override { return network_.config().in_channels; }

  PreparedText prepare(const EncodedPrompt& prompt) const override {
    return {network_.prepare(prompt.embeds.unsqueeze(0)).keys_values};
  }

  at::Tensor predict(const DenoiserInput& input) const override {
    std::vector<model::UNetText> texts;
    std::vector<const model::UNetText*> pointers;
    for (const PreparedText* text : input.texts)
      texts.push_back({.keys_values = text->tensors, .pooled = {}});
    for (const model::UNetText& text : texts) pointers.push_back(&text);
    const model::UNetText joined = model::join(pointers);
    return network_({.latents = input.latents, .timesteps = input.timesteps, .text = &joined});
  }

  std::uint64_t workspace_bytes(std::int64_t height, std::int64_t width) const override {
    const auto channels = static_cast<std::uint64_t>(network_.config().levels.front().channels);
    return kLiveTensors * channels * static_cast<std::uint64_t>(height * width) * element_bytes_;
  }

 private:
  model::UNet network_;
  std::uint64_t element_bytes_;
};

class AutoencoderKlPart final : public Decoder {
 public:
  AutoencoderKlPart(const model::AutoencoderKlConfig& config, const weights::WeightScope& scope)
      : network_(config, scope), element_bytes_(c10::elementSize(scope.dtype())) {}

  int scale() const override { return static_cast<int>(network_.config().scale()); }

  at::Tensor decode(const at::Tensor& latents) const override { return network_(latents); }

  std::uint64_t workspace_bytes(std::int64_t height, std::int64_t width) const override {
    const std::vector<std::int64_t>& channels = network_.config().channels;
    // Level i works at 1 / 2^i of the picture's side; the level above hands its channels on.
    std::uint64_t widest = 0;
    for (std::size_t i = 0; i < channels.size(); ++i) {
      const auto from = static_cast<std::uint64_t>(channels[std::min(i + 1, channels.size() - 1)]);
      const auto side = static_cast<std::uint64_t>(network_.config().scale()) >> i;
      widest = std::max(widest, from * side * side);
    }
    return kLiveTensors * widest * static_cast<std::uint64_t>(height * width) * element_bytes_;
  }

 private:
  model::AutoencoderKlDecoder network_;
  std::uint64_t element_bytes_;
};

}  // namespace

LoadedUNet load_unet(const ModelIndex& index, const LoadTarget& target) {
  const std::filesystem::path folder = index.folder / "unet";
  ComponentConfig json(folder / "config.json");
  const model::UNetConfig config = model::parse_unet_config(json);
  if (config.pooled_features > 0)
    json.refuse("addition_embed_type", "needs a pooled text, which " + index.family + " lacks");
  if (config.guidance_features > 0)
    json.refuse("time_cond_proj_dim",
                "needs guidance as an input, which " + index.family + " does not give");
  weights::WeightMap map(weights::Checkpoint(folder, "diffusion_pytorch_model"),
                         {.dtype = target.dtype, .device = target.device});
  auto denoiser = std::make_unique<UNetDenoiser>(config, map.root());
  map.finish();
  return {std::move(denoiser), config.text_features, config.sample_size};
}

std::unique_ptr<Decoder> load_autoencoder_kl(const ModelIndex& index, const LoadTarget& target,
                                             std::int64_t latent_channels) {
  const std::filesystem::path folder = index.folder / "vae";
  ComponentConfig json(folder / "config.json");
  const model::AutoencoderKlConfig config = model::parse_autoencoder_kl_config(json);
  if (config.latent_channels != latent_channels)
    json.refuse_invalid("latent_channels", "is " + std::to_string(config.latent_channels) +
                                               " where the unet works on " +
                                               std::to_string(latent_channels));
  weights::WeightMap map(weights::Checkpoint(folder, "diffusion_pytorch_model"),
                         {.dtype = target.dtype,
                          .device = target.device,
                          .ignored = model::autoencoder_kl_unused(),
                          .rename = model::autoencoder_kl_current_name});
  auto decoder = std::make_unique<AutoencoderKlPart>(config, map.root());
  map.finish();
  return decoder;
}

std::unique_ptr<sampler::Sampler> load_sampler(const ModelIndex& index) {
  ComponentConfig json(index.folder / "scheduler" / "scheduler_config.json");
  return std::make_unique<sampler::FlowMatchEuler>(sampler::parse_flow_match_euler_config(json));
}

}  // namespace bafa::pipeline
