#include "nn/conv2d.h"

#include <ATen/ops/conv2d.h>

#include <optional>

#include "base/check.h"
#include "nn/onednn.h"

namespace bafa::nn {
namespace {

onednn::ConvOptions packed_options(const Conv2dOptions& options) {
  return {.stride = options.stride, .padding = options.padding, .activation = options.activation};
}

}  // namespace

Conv2d::Conv2d(const weights::WeightScope& scope, std::int64_t in, std::int64_t out,
               Conv2dOptions options)
    : options_(options) {
  CHECK(options.activation == Activation::none || options.activation == Activation::relu);
  if (options.bias) bias_ = scope.weight("bias", {out});
  const at::Tensor weight = scope.tensor("weight", {out, in, options.kernel, options.kernel});
  packed_ = onednn::can_pack(weight);
  weight_ = scope.keep(packed_ ? onednn::pack_conv2d(weight, packed_options(options))
                               : weight.contiguous(at::MemoryFormat::ChannelsLast));
}

at::Tensor Conv2d::without_activation(const at::Tensor& x) const {
  if (packed_) {
    onednn::ConvOptions options = packed_options(options_);
    options.activation = Activation::none;
    return onednn::conv2d(x, weight_.get(), bias_.get(), options);
  }
  const std::optional<at::Tensor> bias =
      bias_.defined() ? std::optional(bias_.get()) : std::nullopt;
  return at::conv2d(x, weight_.get(), bias, options_.stride, options_.padding);
}

at::Tensor Conv2d::operator()(const at::Tensor& x) const {
  const at::Tensor input = x.contiguous(at::MemoryFormat::ChannelsLast);
  if (packed_) return onednn::conv2d(input, weight_.get(), bias_.get(), packed_options(options_));
  return activate(without_activation(input), options_.activation);
}

at::Tensor Conv2d::operator()(const at::Tensor& x, const at::Tensor& residual) const {
  const at::Tensor input = x.contiguous(at::MemoryFormat::ChannelsLast);
  // The operator fails on maps of one pixel: their strides fit several layouts.
  const bool one_pixel = residual.size(2) == 1 && residual.size(3) == 1;
  if (packed_ && !one_pixel) {
    return onednn::conv2d_add(input, residual.contiguous(at::MemoryFormat::ChannelsLast),
                              weight_.get(), bias_.get(), packed_options(options_));
  }
  return activate(without_activation(input).add_(residual), options_.activation);
}

}  // namespace bafa::nn
