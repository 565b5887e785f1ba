// y = x W^T + b, with an activation or a residual taken along in the same pass. Owns its weight,
// packed where the machine gains by it. Called by the device thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "nn/activation.h"
#include "weights/weight_map.h"

namespace bafa::nn {

struct LinearOptions {
  bool bias = true;
  Activation activation = Activation::none;
};

class Linear {
 public:
  // Reads `weight` [out, in] and, if there is one, `bias` [out].
  Linear(const weights::WeightScope& scope, std::int64_t in, std::int64_t out,
         LinearOptions options = {});

  // weight [out, in]; bias [out] or undefined.
  Linear(const at::Tensor& weight, const at::Tensor& bias,
         Activation activation = Activation::none);

  // The same with tensors made of what `home` gave.
  Linear(const weights::WeightScope& home, const at::Tensor& weight, const at::Tensor& bias,
         Activation activation = Activation::none);

  // x [..., in] -> [..., out]
  at::Tensor operator()(const at::Tensor& x) const;

  // x [..., in], residual [..., out] -> [..., out]. Only for a layer without activation.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& residual) const;

 private:
  weights::Weight weight_;
  weights::Weight bias_;
  Activation activation_;
  bool packed_;
};

}  // namespace bafa::nn
