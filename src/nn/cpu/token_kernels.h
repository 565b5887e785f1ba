// Operations on the tokens of a transformer that ATen takes several passes for, in one, on CPU
// tensors of fp32 or bf16 (has_fused of nn/cpu/fused.h). They thread as ATen does; a token's result
// does not depend on what else is in the batch.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace bafa::nn::cpu {

struct RmsNormInput {
  at::Tensor x;           // [B, ..., C]
  at::Tensor factor;      // [B, C] or [1, C] fp32
  at::Tensor residual{};  // like x; undefined: none
  double eps = 1e-6;
};

// x / sqrt(mean of x^2 over C + eps) * factor + residual, in fp32 -> the shape of x
at::Tensor rms_norm(const RmsNormInput& input);

struct NormRotateInput {
  at::Tensor weight;  // [D] fp32
  at::Tensor cosine;  // [S, D / 2] fp32
  at::Tensor sine;    // [S, D / 2] fp32
  double eps = 1e-6;
};

// x [B, S, heads * D], its last dimension contiguous: every head is normed over D and turned, in
// place.
void norm_rotate(const at::Tensor& x, const NormRotateInput& input);

// x [..., 2 * F], gates then values -> silu(gates) * values [..., F]
at::Tensor silu_gated(const at::Tensor& x);

// x [..., C] contiguous, finite: softmax over C, in place.
void softmax(const at::Tensor& x);

}  // namespace bafa::nn::cpu
