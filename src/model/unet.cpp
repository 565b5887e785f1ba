#include "model/unet.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/silu.h>

#include <cstddef>

#include "base/check.h"

namespace bafa::model {
namespace {

nn::Conv2dOptions same_size(std::int64_t kernel) {
  return {.kernel = kernel, .padding = (kernel - 1) / 2};
}

}  // namespace

TextKeysValues join(std::span<const TextKeysValues* const> texts) {
  CHECK(!texts.empty());
  if (texts.size() == 1) return *texts.front();
  TextKeysValues joined;
  std::vector<at::Tensor> parts(texts.size());
  for (std::size_t block = 0; block < texts.front()->blocks.size(); ++block) {
    for (std::size_t i = 0; i < texts.size(); ++i) parts[i] = texts[i]->blocks[block];
    joined.blocks.push_back(at::cat(parts));
  }
  return joined;
}

UNet::UNet(const UNetConfig& config, const weights::WeightScope& scope)
    : UNet(config, scope, nn::LinearStack(config.time_features)) {}

UNet::UNet(const UNetConfig& config, const weights::WeightScope& scope,
           nn::LinearStack&& time_projections)
    : config_(config),
      dtype_(scope.dtype()),
      conv_in_(scope / "conv_in", config.in_channels, config.levels.front().channels,
               same_size(config.conv_in_kernel)),
      time_embedding_(scope / "time_embedding", config.levels.front().channels,
                      config.time_features),
      conv_norm_out_(
          scope / "conv_norm_out", config.levels.front().channels,
          {.groups = config.groups, .eps = config.norm_eps, .activation = nn::Activation::silu}),
      conv_out_(scope / "conv_out", config.levels.front().channels, config.out_channels,
                same_size(config.conv_out_kernel)) {
  BlockBuilder builder{config, time_projections};
  const auto levels = static_cast<std::int64_t>(config.levels.size());
  for (std::int64_t i = 0; i < levels; ++i) {
    down_blocks_.emplace_back(scope / "down_blocks" / i, builder, i);
  }
  if (config.has_mid_block) mid_block_.emplace(scope / "mid_block", builder);
  for (std::int64_t i = 0; i < levels; ++i) {
    up_blocks_.emplace_back(scope / "up_blocks" / i, builder, levels - 1 - i);
  }
  time_projections_.emplace(time_projections.join());
}

TextKeysValues UNet::prepare(const at::Tensor& text) const {
  CHECK(text.dim() == 3 && text.size(2) == config_.text_features);
  const at::Tensor input = text.to(dtype_);
  TextKeysValues prepared;
  for (const DownBlock& block : down_blocks_) block.append_keys_values(input, prepared.blocks);
  if (mid_block_) mid_block_->append_keys_values(input, prepared.blocks);
  for (const UpBlock& block : up_blocks_) block.append_keys_values(input, prepared.blocks);
  return prepared;
}

at::Tensor UNet::operator()(const Input& input) const {
  CHECK(input.text != nullptr && input.latents.dim() == 4);
  CHECK(input.timesteps.size(0) == input.latents.size(0));
  const at::Tensor sinusoids =
      nn::timestep_sinusoids(input.timesteps, {.features = config_.levels.front().channels,
                                               .flip_sin_to_cos = config_.flip_sin_to_cos,
                                               .freq_shift = config_.freq_shift});
  BlockContext context{
      .time = (*time_projections_)(at::silu(time_embedding_(sinusoids.to(dtype_)))),
      .keys_values = input.text->blocks};
  at::Tensor x = input.latents.to(dtype_, false, false, at::MemoryFormat::ChannelsLast);
  if (config_.center_input_sample) x = 2 * x - 1;
  x = conv_in_(x);
  std::vector<at::Tensor> skips{x};
  for (const DownBlock& block : down_blocks_) x = block(x, context, skips);
  if (mid_block_) x = (*mid_block_)(x, context);
  for (const UpBlock& block : up_blocks_) x = block(x, context, skips);
  CHECK(skips.empty() && context.keys_values.empty());
  return conv_out_(conv_norm_out_(x));
}

}  // namespace bafa::model
