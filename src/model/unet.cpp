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

UNetText join(std::span<const UNetText* const> texts) {
  CHECK(!texts.empty());
  if (texts.size() == 1) return *texts.front();
  UNetText joined;
  std::vector<at::Tensor> parts(texts.size());
  for (std::size_t block = 0; block < texts.front()->keys_values.size(); ++block) {
    for (std::size_t i = 0; i < texts.size(); ++i) parts[i] = texts[i]->keys_values[block];
    joined.keys_values.push_back(at::cat(parts));
  }
  if (texts.front()->pooled.defined()) {
    for (std::size_t i = 0; i < texts.size(); ++i) parts[i] = texts[i]->pooled;
    joined.pooled = at::cat(parts);
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
      time_embedding_(scope / "time_embedding", {.in = config.levels.front().channels,
                                                 .out = config.time_features,
                                                 .condition_features = config.guidance_features}),
      conv_norm_out_(
          scope / "conv_norm_out", config.levels.front().channels,
          {.groups = config.groups, .eps = config.norm_eps, .activation = nn::Activation::silu}),
      conv_out_(scope / "conv_out", config.levels.front().channels, config.out_channels,
                same_size(config.conv_out_kernel)) {
  if (config.pooled_features > 0) {
    add_embedding_.emplace(scope / "add_embedding",
                           nn::TimestepEmbeddingOptions{
                               .in = config.pooled_features + kSizeIds * config.size_id_features,
                               .out = config.time_features});
  }
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

UNetText UNet::prepare(const at::Tensor& text, const at::Tensor& pooled) const {
  CHECK(text.dim() == 3 && text.size(2) == config_.text_features);
  CHECK(pooled.defined() == (config_.pooled_features > 0));
  const at::Tensor input = text.to(dtype_);
  UNetText prepared;
  for (const DownBlock& block : down_blocks_) block.append_keys_values(input, prepared.keys_values);
  if (mid_block_) mid_block_->append_keys_values(input, prepared.keys_values);
  for (const UpBlock& block : up_blocks_) block.append_keys_values(input, prepared.keys_values);
  if (pooled.defined()) prepared.pooled = pooled.to(dtype_);
  return prepared;
}

// -> [B, time_features]
at::Tensor UNet::embed_time(const Input& input) const {
  nn::SinusoidOptions sinusoids{.features = config_.levels.front().channels,
                                .flip_sin_to_cos = config_.flip_sin_to_cos,
                                .freq_shift = config_.freq_shift};
  at::Tensor guidance;
  if (config_.guidance_features > 0) {
    guidance = nn::guidance_sinusoids(input.guidance_scales, config_.guidance_features).to(dtype_);
  }
  const at::Tensor time =
      time_embedding_(nn::timestep_sinusoids(input.timesteps, sinusoids).to(dtype_), guidance);
  if (!add_embedding_) return time;
  sinusoids.features = config_.size_id_features;
  // The reference keeps the sizes in the run dtype: in bf16, 1023 is 1024.
  const at::Tensor sizes = input.size_ids.to(dtype_).to(at::kFloat).flatten();
  const at::Tensor size_features = nn::timestep_sinusoids(sizes, sinusoids).to(dtype_);
  return time + (*add_embedding_)(
                    at::cat({input.text->pooled, size_features.view({time.size(0), -1})}, 1));
}

at::Tensor UNet::operator()(const Input& input) const {
  CHECK(input.text != nullptr && input.latents.dim() == 4);
  CHECK(input.timesteps.size(0) == input.latents.size(0));
  BlockContext context{.time = (*time_projections_)(at::silu(embed_time(input))),
                       .keys_values = input.text->keys_values};
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
