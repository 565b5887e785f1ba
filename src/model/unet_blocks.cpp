#include "model/unet_blocks.h"

#include <ATen/ops/cat.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace bafa::model {

std::span<const at::Tensor> BlockContext::take(std::size_t count) {
  CHECK(count <= keys_values.size());
  const std::span<const at::Tensor> taken = keys_values.first(count);
  keys_values = keys_values.subspan(count);
  return taken;
}

nn::ResnetBlock BlockBuilder::resnet(const weights::WeightScope& scope, std::int64_t in,
                                     std::int64_t out) {
  return nn::ResnetBlock(scope, {.in_channels = in,
                                 .out_channels = out,
                                 .groups = config.groups,
                                 .eps = config.norm_eps,
                                 .time_projections = &time_projections});
}

nn::Transformer2d BlockBuilder::transformer(const weights::WeightScope& scope,
                                            const UNetLevel& level, std::int64_t layers) const {
  return nn::Transformer2d(scope, {.attention = {.channels = level.channels,
                                                 .heads = level.heads,
                                                 .text_features = config.text_features},
                                   .layers = layers,
                                   .groups = config.groups,
                                   .linear_projection = config.linear_projection});
}

DownBlock::DownBlock(const weights::WeightScope& scope, BlockBuilder& builder, std::size_t level) {
  const std::vector<UNetLevel>& levels = builder.config.levels;
  const UNetLevel& own = levels[level];
  std::int64_t in = levels[level == 0 ? 0 : level - 1].channels;
  for (std::int64_t layer = 0; layer < own.layers; ++layer) {
    resnets_.push_back(builder.resnet(scope / "resnets" / layer, in, own.channels));
    in = own.channels;
    if (own.down_transformers > 0) {
      attentions_.push_back(
          builder.transformer(scope / "attentions" / layer, own, own.down_transformers));
    }
  }
  if (level + 1 < levels.size()) {
    downsampler_.emplace(scope / "downsamplers" / 0, own.channels,
                         builder.config.downsample_padding);
  }
}

void DownBlock::append_keys_values(const at::Tensor& text, std::vector<at::Tensor>& out) const {
  for (const nn::Transformer2d& attention : attentions_) attention.append_keys_values(text, out);
}

at::Tensor DownBlock::operator()(at::Tensor x, BlockContext& context,
                                 std::vector<at::Tensor>& skips) const {
  for (std::size_t i = 0; i < resnets_.size(); ++i) {
    x = resnets_[i](x, context.time);
    if (!attentions_.empty()) x = attentions_[i](x, context.take(attentions_[i].layers()));
    skips.push_back(x);
  }
  if (downsampler_) {
    x = (*downsampler_)(x);
    skips.push_back(x);
  }
  return x;
}

MidBlock::MidBlock(const weights::WeightScope& scope, BlockBuilder& builder)
    : first_(builder.resnet(scope / "resnets" / 0, builder.config.levels.back().channels,
                            builder.config.levels.back().channels)),
      attention_(builder.transformer(scope / "attentions" / 0, builder.config.levels.back(),
                                     builder.config.mid_transformers)),
      second_(builder.resnet(scope / "resnets" / 1, builder.config.levels.back().channels,
                             builder.config.levels.back().channels)) {}

void MidBlock::append_keys_values(const at::Tensor& text, std::vector<at::Tensor>& out) const {
  attention_.append_keys_values(text, out);
}

at::Tensor MidBlock::operator()(const at::Tensor& x, BlockContext& context) const {
  const at::Tensor hidden = first_(x, context.time);
  return second_(attention_(hidden, context.take(attention_.layers())), context.time);
}

UpBlock::UpBlock(const weights::WeightScope& scope, BlockBuilder& builder, std::size_t level) {
  const std::vector<UNetLevel>& levels = builder.config.levels;
  const UNetLevel& own = levels[level];
  const std::int64_t finer = levels[level == 0 ? 0 : level - 1].channels;
  std::int64_t in = levels[std::min(level + 1, levels.size() - 1)].channels;
  for (std::int64_t layer = 0; layer <= own.layers; ++layer) {
    const std::int64_t skip = layer == own.layers ? finer : own.channels;
    resnets_.push_back(builder.resnet(scope / "resnets" / layer, in + skip, own.channels));
    in = own.channels;
    if (own.up_transformers > 0) {
      attentions_.push_back(
          builder.transformer(scope / "attentions" / layer, own, own.up_transformers));
    }
  }
  if (level > 0) upsampler_.emplace(scope / "upsamplers" / 0, own.channels);
}

void UpBlock::append_keys_values(const at::Tensor& text, std::vector<at::Tensor>& out) const {
  for (const nn::Transformer2d& attention : attentions_) attention.append_keys_values(text, out);
}

at::Tensor UpBlock::operator()(at::Tensor x, BlockContext& context,
                               std::vector<at::Tensor>& skips) const {
  for (std::size_t i = 0; i < resnets_.size(); ++i) {
    CHECK(!skips.empty());
    x = at::cat({x, skips.back()}, 1);
    skips.pop_back();
    x = resnets_[i](x, context.time);
    if (!attentions_.empty()) x = attentions_[i](x, context.take(attentions_[i].layers()));
  }
  if (upsampler_) {
    CHECK(!skips.empty());
    x = (*upsampler_)(x, {.height = skips.back().size(2), .width = skips.back().size(3)});
  }
  return x;
}

}  // namespace bafa::model
