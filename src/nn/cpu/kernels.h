// The inner loops of bafa's own CPU kernels, compiled once for each instruction set and chosen at
// run time. They see plain memory and do not thread: nn/cpu/fused.cpp cuts the work and calls them.
#pragma once

#include <cstdint>

namespace bafa::nn::cpu {

using Bf16Bits = std::uint16_t;  // the bits of an at::BFloat16

// Rows of `columns` numbers, one after the other. T is float or Bf16Bits; all sums are fp32.
template <typename T>
struct KernelsOf {
  // With d = x - pivot [columns]: sums[c] += sum of d[:, c], squares[c] += sum of d[:, c]^2.
  void (*moments)(const T* x, std::int64_t rows, std::int64_t columns, const float* pivot,
                  float* sums, float* squares);

  // y = x * scale + shift, both [columns]; then silu when asked. y may be x.
  void (*affine)(const T* x, std::int64_t rows, std::int64_t columns, const float* scale,
                 const float* shift, bool silu, T* y);

  // x [rows, 2 * columns] -> y [rows, columns] = x[:, :columns] * gelu(x[:, columns:]), exact gelu
  void (*geglu)(const T* x, std::int64_t rows, std::int64_t columns, T* y);

  // x [rows, 2 * columns] -> y [rows, columns] = silu(x[:, :columns]) * x[:, columns:]
  void (*silu_gated)(const T* x, std::int64_t rows, std::int64_t columns, T* y);

  // y = x / sqrt(mean of x[row]^2 + eps) * factor [columns], plus residual unless it is null.
  void (*rms_norm)(const T* x, std::int64_t rows, std::int64_t columns, const float* factor,
                   float eps, const T* residual, T* y);

  // In place, `heads` vectors of 2 * half numbers one after the other at x: each normed as above
  // by weight [2 * half], then its halves a, b turned into a cos - b sin, b cos + a sin; cosine and
  // sine [half].
  void (*norm_rotate)(T* x, std::int64_t heads, std::int64_t half, const float* weight, float eps,
                      const float* cosine, const float* sine);

  // In place, x = e^(x - max) / sum of e^(x - max) over each row. Numbers must be finite.
  // `scratch` [columns].
  void (*softmax)(T* x, std::int64_t rows, std::int64_t columns, float* scratch);
};

struct Kernels {
  KernelsOf<float> fp32;
  KernelsOf<Bf16Bits> bf16;
};

const Kernels& kernels_v3();  // AVX2 and FMA: what every machine that runs bafa has
const Kernels& kernels_v4();  // AVX-512; only where device::cpu_features().avx512
const Kernels& kernels();     // the best for this machine

}  // namespace bafa::nn::cpu
