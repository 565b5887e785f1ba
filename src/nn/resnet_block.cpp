#include "nn/resnet_block.h"

#include "base/check.h"

namespace bafa::nn {
namespace {

GroupNorm::Options norm_options(const ResnetBlockOptions& options) {
  return {.groups = options.groups, .eps = options.eps, .activation = Activation::silu};
}

}  // namespace

ResnetBlock::ResnetBlock(const weights::WeightScope& scope, const ResnetBlockOptions& options)
    : norm1_(scope / "norm1", options.in_channels, norm_options(options)),
      conv1_(scope / "conv1", options.in_channels, options.out_channels),
      norm2_(scope / "norm2", options.out_channels, norm_options(options)),
      conv2_(scope / "conv2", options.out_channels, options.out_channels) {
  if (options.in_channels != options.out_channels) {
    shortcut_.emplace(scope / "conv_shortcut", options.in_channels, options.out_channels,
                      Conv2dOptions{.kernel = 1, .padding = 0});
  }
  if (options.time_projections != nullptr) {
    time_range_ = options.time_projections->add(scope / "time_emb_proj", options.out_channels);
  }
}

at::Tensor ResnetBlock::operator()(const at::Tensor& x, const at::Tensor& time) const {
  CHECK(time.defined() == time_range_.has_value());
  at::Tensor hidden = conv1_(norm1_(x));
  hidden = time_range_ ? norm2_(hidden, time_range_->of(time)) : norm2_(hidden);
  return conv2_(hidden, shortcut_ ? (*shortcut_)(x) : x.clone());
}

}  // namespace bafa::nn
