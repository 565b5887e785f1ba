#include "nn/conv2d.h"

#include <ATen/ops/conv2d.h>

#include <cstddef>
#include <optional>

#include "base/check.h"
#include "nn/onednn.h"
#include "nn/tokens.h"

namespace bafa::nn {
namespace {

constexpr std::size_t kKnownSizes = 64;  // of inputs, remembered by a layer

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
  pointwise_ = packed_ && options.kernel == 1 && options.stride == 1 && options.padding == 0;
  weight_ = scope.keep(pointwise_ ? onednn::pack_linear(weight.view({out, in}))
                       : packed_  ? onednn::pack_conv2d(weight, packed_options(options))
                                  : weight.contiguous(at::MemoryFormat::ChannelsLast));
}

at::Tensor Conv2d::over_tokens(const at::Tensor& x) const {
  return to_image(onednn::linear(to_tokens(x), weight_.get(), bias_.get(), options_.activation), x);
}

// A request of another size must not slow down those of the usual one: the weight stays as it is.
at::Tensor Conv2d::packed_for(const at::Tensor& x) const {
  const onednn::ConvOptions options = packed_options(options_);
  const at::Tensor& packed = weight_.get();
  auto known = fits_.find(x.sizes().vec());
  if (known == fits_.end()) {
    if (fits_.size() == kKnownSizes) fits_.clear();
    known = fits_.emplace(x.sizes().vec(), onednn::fits(packed, x.sizes(), options)).first;
  }
  return known->second ? packed : onednn::fit(packed, x.sizes(), options);
}

at::Tensor Conv2d::without_activation(const at::Tensor& x) const {
  if (packed_) {
    onednn::ConvOptions options = packed_options(options_);
    options.activation = Activation::none;
    return onednn::conv2d(x, packed_for(x), bias_.get(), options);
  }
  const std::optional<at::Tensor> bias =
      bias_.defined() ? std::optional(bias_.get()) : std::nullopt;
  return at::conv2d(x, weight_.get(), bias, options_.stride, options_.padding);
}

at::Tensor Conv2d::operator()(const at::Tensor& x) const {
  if (pointwise_) return over_tokens(x);
  const at::Tensor input = x.contiguous(at::MemoryFormat::ChannelsLast);
  if (packed_)
    return onednn::conv2d(input, packed_for(input), bias_.get(), packed_options(options_));
  return activate(without_activation(input), options_.activation);
}

at::Tensor Conv2d::operator()(const at::Tensor& x, const at::Tensor& residual) const {
  if (pointwise_) {
    const at::Tensor sum =
        onednn::linear_add(to_tokens(x), to_tokens(residual), weight_.get(), bias_.get());
    return activate(to_image(sum, x), options_.activation);
  }
  const at::Tensor input = x.contiguous(at::MemoryFormat::ChannelsLast);
  // The operator fails on maps of one pixel: their strides fit several layouts.
  const bool one_pixel = residual.size(2) == 1 && residual.size(3) == 1;
  if (packed_ && !one_pixel) {
    return onednn::conv2d_add(input, residual.contiguous(at::MemoryFormat::ChannelsLast),
                              packed_for(input), bias_.get(), packed_options(options_));
  }
  return activate(without_activation(input).add_(residual), options_.activation);
}

}  // namespace bafa::nn
