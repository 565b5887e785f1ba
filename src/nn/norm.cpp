#include "nn/norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/layer_norm.h>

#include "base/check.h"

namespace bafa::nn {

GroupNorm::GroupNorm(const weights::WeightScope& scope, std::int64_t channels,
                     const Options& options)
    : weight_(scope.tensor("weight", {channels})),
      bias_(scope.tensor("bias", {channels})),
      options_(options) {
  CHECK(options.groups > 0 && channels % options.groups == 0);
  CHECK(options.activation == Activation::none || options.activation == Activation::silu);
}

at::Tensor GroupNorm::operator()(const at::Tensor& x) const {
  return activate(at::group_norm(x, options_.groups, weight_, bias_, options_.eps),
                  options_.activation);
}

at::Tensor GroupNorm::operator()(const at::Tensor& x, const at::Tensor& shift) const {
  return (*this)(x + shift.unsqueeze(-1).unsqueeze(-1));
}

LayerNorm::LayerNorm(const weights::WeightScope& scope, std::int64_t features, double eps)
    : weight_(scope.tensor("weight", {features})),
      bias_(scope.tensor("bias", {features})),
      eps_(eps) {}

at::Tensor LayerNorm::operator()(const at::Tensor& x) const {
  return at::layer_norm(x, weight_.sizes(), weight_, bias_, eps_);
}

}  // namespace bafa::nn
