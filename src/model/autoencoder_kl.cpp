#include "model/autoencoder_kl.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "model/tiles.h"
#include "nn/tokens.h"

namespace bafa::model {
namespace {

constexpr double kNormEps = 1e-6;  // of every norm in an autoencoder

nn::ResnetBlockOptions resnet_options(const AutoencoderKlConfig& config, std::int64_t in,
                                      std::int64_t out) {
  return {.in_channels = in, .out_channels = out, .groups = config.groups, .eps = kNormEps};
}

// One value for each latent channel [1, C, 1, 1].
at::Tensor per_channel(const std::vector<double>& values, const at::Tensor& like) {
  return at::tensor(values, at::kDouble).to(like.options()).view({1, -1, 1, 1});
}

}  // namespace

std::vector<std::string> autoencoder_kl_unused() { return {"encoder.*", "quant_conv.*"}; }

std::string autoencoder_kl_current_name(const std::string& name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kRenamed{
      {{".query.", ".to_q."},
       {".key.", ".to_k."},
       {".value.", ".to_v."},
       {".proj_attn.", ".to_out.0."}}};
  if (name.find(".attentions.") == std::string::npos) return name;
  for (const auto& [old_part, new_part] : kRenamed) {
    const std::size_t at = name.find(old_part);
    if (at != std::string::npos) return std::string(name).replace(at, old_part.size(), new_part);
  }
  return name;
}

AutoencoderKlDecoder::AutoencoderKlDecoder(const AutoencoderKlConfig& config,
                                           const weights::WeightScope& scope)
    : config_(config),
      dtype_(scope.dtype()),
      conv_in_(scope / "decoder" / "conv_in", config.latent_channels, config.channels.back()),
      mid_first_(scope / "decoder" / "mid_block" / "resnets" / 0,
                 resnet_options(config, config.channels.back(), config.channels.back())),
      mid_attention_(mid_attention(config, scope / "decoder" / "mid_block" / "attentions" / 0)),
      mid_second_(scope / "decoder" / "mid_block" / "resnets" / 1,
                  resnet_options(config, config.channels.back(), config.channels.back())),
      conv_norm_out_(
          scope / "decoder" / "conv_norm_out", config.channels.front(),
          {.groups = config.groups, .eps = kNormEps, .activation = nn::Activation::silu}),
      conv_out_(scope / "decoder" / "conv_out", config.channels.front(), config.out_channels) {
  if (config.post_quant_conv) {
    post_quant_conv_.emplace(scope / "post_quant_conv", config.latent_channels,
                             config.latent_channels, nn::Conv2dOptions{.kernel = 1, .padding = 0});
  }
  const auto levels = static_cast<std::int64_t>(config.channels.size());
  std::int64_t in = config.channels.back();
  for (std::int64_t i = 0; i < levels; ++i) {
    const weights::WeightScope block = scope / "decoder" / "up_blocks" / i;
    const std::int64_t out = config.channels[levels - 1 - i];
    UpBlock& up = up_blocks_.emplace_back();
    for (std::int64_t layer = 0; layer <= config.layers_per_block; ++layer) {
      up.resnets.emplace_back(block / "resnets" / layer, resnet_options(config, in, out));
      in = out;
    }
    if (i + 1 < levels) up.upsampler.emplace(block / "upsamplers" / 0, out);
  }
}

std::optional<AutoencoderKlDecoder::MidAttention> AutoencoderKlDecoder::mid_attention(
    const AutoencoderKlConfig& config, const weights::WeightScope& scope) {
  if (!config.mid_attention) return std::nullopt;
  const std::int64_t channels = config.channels.back();
  return MidAttention{
      nn::GroupNorm(scope / "group_norm", channels, {.groups = config.groups, .eps = kNormEps}),
      nn::SelfAttention(scope, {.channels = channels, .heads = 1, .bias = true})};
}

at::Tensor AutoencoderKlDecoder::unscale(const at::Tensor& latents) const {
  if (config_.latents_mean.empty()) return latents / config_.scaling_factor + config_.shift_factor;
  const at::Tensor std = per_channel(config_.latents_std, latents);
  return latents * std / config_.scaling_factor + per_channel(config_.latents_mean, latents);
}

at::Tensor AutoencoderKlDecoder::attend(const at::Tensor& x) const {
  const at::Tensor tokens = nn::to_tokens(mid_attention_->norm(x));
  return nn::to_image(mid_attention_->attention(tokens, nn::to_tokens(x)), x);
}

at::Tensor AutoencoderKlDecoder::operator()(const at::Tensor& latents,
                                            const DecodeOptions& options) const {
  CHECK(latents.dim() == 4 && latents.size(1) == config_.latent_channels);
  return decode_in_parts(unscale(latents.to(dtype_)), options, {.scale = config_.scale()},
                         [this](const at::Tensor& part) { return decode(part); });
}

at::Tensor AutoencoderKlDecoder::decode(const at::Tensor& latents) const {
  at::Tensor x = latents.contiguous(at::MemoryFormat::ChannelsLast);
  if (post_quant_conv_) x = (*post_quant_conv_)(x);
  x = mid_first_(conv_in_(x));
  if (mid_attention_) x = attend(x);
  x = mid_second_(x);
  for (const UpBlock& block : up_blocks_) {
    for (const nn::ResnetBlock& resnet : block.resnets) x = resnet(x);
    if (block.upsampler) {
      x = (*block.upsampler)(x, {.height = 2 * x.size(2), .width = 2 * x.size(3)});
    }
  }
  return conv_out_(conv_norm_out_(x));
}

}  // namespace bafa::model
