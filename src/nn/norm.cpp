#include "nn/norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/rsqrt.h>

#include <vector>

#include "base/check.h"
#include "nn/cpu/fused.h"
#include "nn/cpu/token_kernels.h"

namespace bafa::nn {
namespace {

at::ScalarType parameter_dtype(const weights::WeightScope& scope) {
  return scope.device().is_cpu() ? at::kFloat : scope.dtype();
}

}  // namespace

// bafa's own kernel takes fp32 parameters; ATen's wants those of the run dtype.
GroupNorm::GroupNorm(const weights::WeightScope& scope, std::int64_t channels,
                     const Options& options)
    : weight_(scope.weight("weight", {channels}, parameter_dtype(scope))),
      bias_(scope.weight("bias", {channels}, parameter_dtype(scope))),
      options_(options) {
  CHECK(options.groups > 0 && channels % options.groups == 0);
  CHECK(options.activation == Activation::none || options.activation == Activation::silu);
}

at::Tensor GroupNorm::operator()(const at::Tensor& x) const { return (*this)(x, {}); }

at::Tensor GroupNorm::operator()(const at::Tensor& x, const at::Tensor& shift) const {
  if (cpu::has_fused(x)) {
    return cpu::group_norm({.x = x,
                            .weight = weight_.get(),
                            .bias = bias_.get(),
                            .shift = shift,
                            .groups = options_.groups,
                            .eps = options_.eps,
                            .silu = options_.activation == Activation::silu});
  }
  const at::Tensor input = shift.defined() ? x + shift.unsqueeze(-1).unsqueeze(-1) : x;
  return activate(at::group_norm(input, options_.groups, weight_.get(), bias_.get(), options_.eps),
                  options_.activation);
}

LayerNorm::LayerNorm(const weights::WeightScope& scope, std::int64_t features, double eps)
    : weight_(scope.weight("weight", {features})),
      bias_(scope.weight("bias", {features})),
      features_(features),
      eps_(eps) {}

at::Tensor LayerNorm::operator()(const at::Tensor& x) const {
  return at::layer_norm(x, {features_}, weight_.get(), bias_.get(), eps_);
}

at::Tensor rms_norm(const RmsNormInput& input) {
  const at::Tensor& x = input.x;
  if (cpu::has_fused(x)) {
    return cpu::rms_norm(
        {.x = x, .factor = input.factor, .residual = input.residual, .eps = input.eps});
  }
  const at::Tensor wide = x.to(at::kFloat);
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(x.dim()), 1);
  sizes.front() = input.factor.size(0);
  sizes.back() = input.factor.size(1);
  const at::Tensor inverse = at::rsqrt((wide * wide).mean(-1, true) + input.eps);
  at::Tensor normed = wide * inverse * input.factor.view(sizes);
  if (input.residual.defined()) normed += input.residual;
  return normed.to(x.scalar_type());
}

RmsNorm::RmsNorm(const weights::WeightScope& scope, std::int64_t features, double eps)
    : factor_(scope.weight("weight", {features}, at::kFloat)), eps_(eps) {}

at::Tensor RmsNorm::operator()(const at::Tensor& x) const {
  return rms_norm({.x = x, .factor = factor_.get().unsqueeze(0), .eps = eps_});
}

}  // namespace bafa::nn
