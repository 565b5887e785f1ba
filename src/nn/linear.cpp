#include "nn/linear.h"

#include <ATen/ops/add.h>
#include <ATen/ops/linear.h>

#include <optional>
#include <utility>

#include "base/check.h"
#include "nn/onednn.h"

namespace bafa::nn {
namespace {

std::optional<at::Tensor> optional(const at::Tensor& tensor) {
  return tensor.defined() ? std::optional<at::Tensor>(tensor) : std::nullopt;
}

}  // namespace

Linear::Linear(const weights::WeightScope& scope, std::int64_t in, std::int64_t out,
               LinearOptions options)
    : Linear(scope.tensor("weight", {out, in}),
             options.bias ? scope.tensor("bias", {out}) : at::Tensor(), options.activation) {}

Linear::Linear(const at::Tensor& weight, at::Tensor bias, Activation activation)
    : bias_(std::move(bias)), activation_(activation), packed_(onednn::can_pack(weight)) {
  CHECK(weight.dim() == 2);
  weight_ = packed_ ? onednn::pack_linear(weight) : weight;
}

at::Tensor Linear::operator()(const at::Tensor& x) const {
  if (packed_ && onednn::can_fuse(activation_))
    return onednn::linear(x, weight_, bias_, activation_);
  return activate(packed_ ? onednn::linear(x, weight_, bias_, Activation::none)
                          : at::linear(x, weight_, optional(bias_)),
                  activation_);
}

at::Tensor Linear::operator()(const at::Tensor& x, const at::Tensor& residual) const {
  CHECK(activation_ == Activation::none);
  if (packed_) return onednn::linear_add(x, residual, weight_, bias_);
  return at::linear(x, weight_, optional(bias_)).add_(residual);
}

}  // namespace bafa::nn
