#include "nn/conv2d.h"

#include <ATen/ops/conv2d.h>

#include "nn/onednn.h"

namespace bafa::nn {

Conv2d::Conv2d(const weights::WeightScope& scope, std::int64_t in, std::int64_t out,
               Conv2dOptions options)
    : bias_(scope.tensor("bias", {out})), options_(options) {
  const at::Tensor weight = scope.tensor("weight", {out, in, options.kernel, options.kernel});
  packed_ = onednn::can_pack(weight);
  weight_ = packed_ ? onednn::pack_conv2d(weight, {options.stride, options.padding})
                    : weight.contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor Conv2d::operator()(const at::Tensor& x) const {
  const at::Tensor input = x.contiguous(at::MemoryFormat::ChannelsLast);
  if (packed_) return onednn::conv2d(input, weight_, bias_, {options_.stride, options_.padding});
  return at::conv2d(input, weight_, bias_, options_.stride, options_.padding);
}

at::Tensor Conv2d::operator()(const at::Tensor& x, const at::Tensor& residual) const {
  const at::Tensor input = x.contiguous(at::MemoryFormat::ChannelsLast);
  if (packed_) {
    return onednn::conv2d_add(input, residual.contiguous(at::MemoryFormat::ChannelsLast), weight_,
                              bias_, {options_.stride, options_.padding});
  }
  return at::conv2d(input, weight_, bias_, options_.stride, options_.padding).add_(residual);
}

}  // namespace bafa::nn
