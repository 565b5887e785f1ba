// Operations that ATen takes several passes for, in one, on CPU tensors of fp32 or bf16. They
// thread as ATen does. An image's result does not depend on the batch it is in or on the number of
// threads.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace bafa::nn::cpu {

bool has_fused(const at::Tensor& x);

struct GroupNormInput {
  at::Tensor x;        // [B, C, H, W]
  at::Tensor weight;   // [C] fp32
  at::Tensor bias;     // [C] fp32
  at::Tensor shift{};  // [B, C], added to every pixel beforehand; undefined: nothing
  std::int64_t groups = 1;
  double eps = 1e-5;
  bool silu = false;  // of the result
};

// -> [B, C, H, W] channels_last
at::Tensor group_norm(const GroupNormInput& input);

// x [..., 2 * F], values then gates -> values * gelu(gates) [..., F], exact gelu
at::Tensor geglu(const at::Tensor& x);

}  // namespace bafa::nn::cpu
