#include "pipeline/families/decoders.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/component_config.h"
#include "model/autoencoder_kl.h"
#include "model/autoencoder_tiny.h"
#include "weights/checkpoint.h"

namespace bafa::pipeline {
namespace {

// Tensors of the widest level that are alive at once: input, output, skip and what lies between.
constexpr std::uint64_t kLiveTensors = 6;

// Channels times pixels of the widest tensor, for one latent pixel.
std::uint64_t widest(const model::AutoencoderKlConfig& config) {
  const std::vector<std::int64_t>& channels = config.channels;
  // Level i works at 1 / 2^i of the picture's side; the level above hands its channels on.
  std::uint64_t widest = 0;
  for (std::size_t i = 0; i < channels.size(); ++i) {
    const auto from = static_cast<std::uint64_t>(channels[std::min(i + 1, channels.size() - 1)]);
    const auto side = static_cast<std::uint64_t>(config.scale()) >> i;
    widest = std::max(widest, from * side * side);
  }
  return widest;
}

std::uint64_t widest(const model::AutoencoderTinyConfig& config) {
  return static_cast<std::uint64_t>(config.channels * config.scale() * config.scale());
}

template <typename Network>
class DecoderPart final : public Decoder {
 public:
  template <typename Config>
  DecoderPart(const Config& config, const weights::WeightScope& scope)
      : network_(config, scope), element_bytes_(c10::elementSize(scope.dtype())) {}

  int scale() const override { return static_cast<int>(network_.config().scale()); }

  at::Tensor decode(const at::Tensor& latents, const model::DecodeOptions& options) const override {
    return network_(latents, options);
  }

  std::uint64_t workspace_bytes(std::int64_t height, std::int64_t width) const override {
    const auto area = static_cast<std::uint64_t>(height * width);
    return kLiveTensors * widest(network_.config()) * area * element_bytes_;
  }

 private:
  Network network_;
  std::uint64_t element_bytes_;
};

std::filesystem::path folder_of(const ModelIndex& index) { return index.folder / "vae"; }

weights::WeightMap open_weights(const ModelIndex& index, weights::WeightOptions options) {
  return {weights::Checkpoint(folder_of(index), "diffusion_pytorch_model"), std::move(options)};
}

void check_latents(const ComponentConfig& json, std::int64_t own, std::int64_t denoisers) {
  if (own == denoisers) return;
  json.refuse_invalid("latent_channels", "is " + std::to_string(own) + " where the unet works on " +
                                             std::to_string(denoisers));
}

std::unique_ptr<Decoder> load_autoencoder_kl(const ModelIndex& index, LoadTarget target,
                                             const DecoderOptions& options) {
  ComponentConfig json(folder_of(index) / "config.json");
  model::AutoencoderKlConfig config = model::parse_autoencoder_kl_config(json);
  if (options.unscaling != Unscaling::all) config.shift_factor = 0;
  if (options.unscaling == Unscaling::scaling_factor_only) {
    config.latents_mean.clear();
    config.latents_std.clear();
  }
  check_latents(json, config.latent_channels, options.latent_channels);
  const bool upcast = options.upcast == Upcast::where_config_says && config.force_upcast;
  if (upcast && target.dtype == at::kHalf) target.dtype = at::kFloat;
  weights::WeightMap map = open_weights(index, {.dtype = target.dtype,
                                                .device = target.devices.decoder,
                                                .ignored = model::autoencoder_kl_unused(),
                                                .rename = model::autoencoder_kl_current_name,
                                                .component = target.component("vae")});
  auto decoder = std::make_unique<DecoderPart<model::AutoencoderKlDecoder>>(config, map.root());
  map.finish();
  return decoder;
}

std::unique_ptr<Decoder> load_autoencoder_tiny(const ModelIndex& index, const LoadTarget& target,
                                               const DecoderOptions& options) {
  ComponentConfig json(folder_of(index) / "config.json");
  model::AutoencoderTinyConfig config = model::parse_autoencoder_tiny_config(json);
  if (options.unscaling != Unscaling::all) config.shift_factor = 0;
  check_latents(json, config.latent_channels, options.latent_channels);
  weights::WeightMap map = open_weights(index, {.dtype = target.dtype,
                                                .device = target.devices.decoder,
                                                .ignored = model::autoencoder_tiny_unused(),
                                                .component = target.component("vae")});
  auto decoder = std::make_unique<DecoderPart<model::AutoencoderTinyDecoder>>(config, map.root());
  map.finish();
  return decoder;
}

}  // namespace

std::vector<std::string> decoder_classes() { return {"AutoencoderKL", "AutoencoderTiny"}; }

std::unique_ptr<Decoder> load_decoder(const ModelIndex& index, const LoadTarget& target,
                                      const DecoderOptions& options) {
  if (index.at("vae").class_name == "AutoencoderTiny")
    return load_autoencoder_tiny(index, target, options);
  return load_autoencoder_kl(index, target, options);
}

}  // namespace bafa::pipeline
