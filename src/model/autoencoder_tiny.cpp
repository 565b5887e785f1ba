#include "model/autoencoder_tiny.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/upsample_nearest2d.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "model/tiles.h"

namespace bafa::model {
namespace {

constexpr nn::Conv2dOptions kWithRelu{.activation = nn::Activation::relu};

at::Tensor twice_as_large(const at::Tensor& x) {
  const std::array<std::int64_t, 2> sides{2 * x.size(2), 2 * x.size(3)};
  return at::upsample_nearest2d(x, sides);
}

void read_levels(ComponentConfig& config, AutoencoderTinyConfig& vae) {
  vae.blocks = config.integers("num_decoder_blocks", {3, 3, 3, 1}, {.min = 0, .max = 64});
  if (vae.blocks.empty() || vae.blocks.size() > 8)
    config.refuse_invalid("num_decoder_blocks", "must have 1 to 8 levels");
  const std::vector<std::int64_t> channels =
      config.integers("decoder_block_out_channels", {64, 64, 64, 64}, {.min = 1, .max = 1 << 14});
  if (channels.size() != vae.blocks.size())
    config.refuse_invalid("decoder_block_out_channels",
                          "has another length than num_decoder_blocks");
  vae.channels = channels.front();
  // The reference's layers fit together only then.
  if (std::ranges::any_of(channels, [&](std::int64_t n) { return n != vae.channels; }))
    config.refuse_invalid("decoder_block_out_channels", "differs between levels");
}

}  // namespace

AutoencoderTinyConfig parse_autoencoder_tiny_config(ComponentConfig& config) {
  AutoencoderTinyConfig vae;
  read_levels(config, vae);
  vae.latent_channels = config.integer("latent_channels", 4, {.min = 1, .max = 1 << 10});
  vae.scaling_factor = config.number("scaling_factor", 1);
  if (vae.scaling_factor == 0) config.refuse_invalid("scaling_factor", "must not be 0");
  vae.shift_factor = config.number("shift_factor", 0);
  config.expect("out_channels", 3);
  config.expect("act_fn", "relu");
  config.expect("upsample_fn", "nearest");
  config.expect("upsampling_scaling_factor", 2);
  // The encoder's, or how latents are put into 8 bits; the decoder keeps within fp16.
  config.ignore({"in_channels", "encoder_block_out_channels", "num_encoder_blocks",
                 "block_out_channels", "latent_magnitude", "latent_shift", "force_upcast"});
  config.finish();
  return vae;
}

std::vector<std::string> autoencoder_tiny_unused() { return {"encoder.*"}; }

AutoencoderTinyDecoder::Block::Block(const weights::WeightScope& scope, std::int64_t channels)
    : first(scope / "conv" / 0, channels, channels, kWithRelu),
      second(scope / "conv" / 2, channels, channels, kWithRelu),
      third(scope / "conv" / 4, channels, channels, kWithRelu) {}

at::Tensor AutoencoderTinyDecoder::Block::operator()(const at::Tensor& x) const {
  return third(second(first(x)), x.clone());
}

// The layers are numbered through, those without weights too: ReLU after the first convolution,
// and enlarging.
AutoencoderTinyDecoder::AutoencoderTinyDecoder(const AutoencoderTinyConfig& config,
                                               const weights::WeightScope& scope)
    : config_(config),
      dtype_(scope.dtype()),
      conv_in_(scope / "decoder.layers" / 0, config.latent_channels, config.channels, kWithRelu) {
  const weights::WeightScope layers = scope / "decoder.layers";
  std::int64_t layer = 2;
  for (std::size_t i = 0; i < config.blocks.size(); ++i) {
    Level& level = levels_.emplace_back();
    for (std::int64_t block = 0; block < config.blocks[i]; ++block)
      level.blocks.emplace_back(layers / layer++, config.channels);
    if (i + 1 == config.blocks.size()) {
      conv_out_.emplace(layers / layer, config.channels, config.out_channels);
    } else {
      level.after_upsampling.emplace(layers / (layer + 1), config.channels, config.channels,
                                     nn::Conv2dOptions{.bias = false});
      layer += 2;
    }
  }
}

at::Tensor AutoencoderTinyDecoder::operator()(const at::Tensor& latents,
                                              const DecodeOptions& options) const {
  CHECK(latents.dim() == 4 && latents.size(1) == config_.latent_channels);
  // In fp32 up to the first convolution: of four operations in bf16 each would round.
  const at::Tensor unscaled =
      latents.to(at::kFloat) / config_.scaling_factor + config_.shift_factor;
  const at::Tensor pictures = decode_in_parts(
      unscaled, options,
      {.blending = Blending::over_canvas, .overlap_divisor = 8, .scale = config_.scale()},
      [this](const at::Tensor& part) { return decode(part); });
  return pictures.to(dtype_);
}

at::Tensor AutoencoderTinyDecoder::decode(const at::Tensor& latents) const {
  at::Tensor x = conv_in_((at::tanh(latents / 3) * 3).to(dtype_));
  for (const Level& level : levels_) {
    for (const Block& block : level.blocks) x = block(x);
    if (level.after_upsampling) x = (*level.after_upsampling)(twice_as_large(x));
  }
  return (*conv_out_)(x) * 2 - 1;
}

}  // namespace bafa::model
