// Rotary position embedding: the two halves of a head's vector, taken as the real and imaginary
// parts of complex numbers, are turned by angles that grow with the token's position. Su et al.,
// RoFormer (2021). Called by the device thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "weights/weight_map.h"

namespace bafa::nn {

// Of the positions of S tokens, both [S, head_dim / 2] and contiguous. Turning computes in their
// dtype.
struct RopeTable {
  at::Tensor cosine;
  at::Tensor sine;
};

// Rows of both tables, one after the other.
RopeTable join(const RopeTable& first, const RopeTable& second);

// x [B, S, heads, head_dim] -> the same, turned, in the dtype of x
at::Tensor rotate(const at::Tensor& x, const RopeTable& table);

// The order that brings neighbours (0, 1), (2, 3), ... into halves: 0, 2, ..., 1, 3, ... Where
// queries and keys are both put into it, their products stay the same: a network that turns
// neighbours is loaded in it and turns halves.
at::Tensor neighbours_to_halves(const at::Tensor& rows, std::int64_t head_dim);  // [n head_dim, ..]

// RMS norm over each head, then rotate(), without copies on a CPU.
class NormRotate {
 public:
  // weight [head_dim] fp32
  NormRotate(at::Tensor weight, double eps);

  // x [B, S, heads * head_dim], which is given up: may work in place. An fp32 table.
  at::Tensor operator()(const at::Tensor& x, const RopeTable& table) const;

 private:
  at::Tensor weight_;
  double eps_;
};

}  // namespace bafa::nn
