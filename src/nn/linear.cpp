#include "nn/linear.h"

#include <ATen/ops/add.h>
#include <ATen/ops/linear.h>

#include <optional>

#include "base/check.h"
#include "nn/onednn.h"

namespace bafa::nn {
namespace {

std::optional<at::Tensor> optional(const at::Tensor& tensor) {
  return tensor.defined() ? std::optional<at::Tensor>(tensor) : std::nullopt;
}

at::Tensor as_used(const at::Tensor& weight) {
  CHECK(weight.dim() == 2);
  return onednn::can_pack(weight) ? onednn::pack_linear(weight) : weight;
}

}  // namespace

Linear::Linear(const weights::WeightScope& scope, std::int64_t in, std::int64_t out,
               LinearOptions options)
    : Linear(scope, scope.tensor("weight", {out, in}),
             options.bias ? scope.tensor("bias", {out}) : at::Tensor(), options.activation) {}

Linear::Linear(const at::Tensor& weight, const at::Tensor& bias, Activation activation)
    : weight_(as_used(weight)),
      bias_(bias),
      activation_(activation),
      packed_(onednn::can_pack(weight)) {}

Linear::Linear(const weights::WeightScope& home, const at::Tensor& weight, const at::Tensor& bias,
               Activation activation)
    : weight_(home.keep(as_used(weight))),
      bias_(home.keep(bias)),
      activation_(activation),
      packed_(onednn::can_pack(weight)) {}

at::Tensor Linear::operator()(const at::Tensor& x) const {
  if (packed_ && onednn::can_fuse(activation_))
    return onednn::linear(x, weight_.get(), bias_.get(), activation_);
  return activate(packed_ ? onednn::linear(x, weight_.get(), bias_.get(), Activation::none)
                          : at::linear(x, weight_.get(), optional(bias_.get())),
                  activation_);
}

at::Tensor Linear::operator()(const at::Tensor& x, const at::Tensor& residual) const {
  CHECK(activation_ == Activation::none);
  if (packed_) return onednn::linear_add(x, residual, weight_.get(), bias_.get());
  return at::linear(x, weight_.get(), optional(bias_.get())).add_(residual);
}

}  // namespace bafa::nn
