#include "nn/rope.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>

#include <utility>
#include <vector>

#include "base/check.h"
#include "nn/cpu/fused.h"
#include "nn/cpu/token_kernels.h"
#include "nn/norm.h"

namespace bafa::nn {

RopeTable join(const RopeTable& first, const RopeTable& second) {
  return {at::cat({first.cosine, second.cosine}), at::cat({first.sine, second.sine})};
}

at::Tensor rotate(const at::Tensor& x, const RopeTable& table) {
  CHECK(x.dim() == 4 && x.size(1) == table.cosine.size(0));
  const std::vector<at::Tensor> halves = x.to(table.cosine.scalar_type()).chunk(2, -1);
  const at::Tensor cosine = table.cosine.unsqueeze(1);
  const at::Tensor sine = table.sine.unsqueeze(1);
  return at::cat({halves[0] * cosine - halves[1] * sine, halves[1] * cosine + halves[0] * sine}, -1)
      .to(x.scalar_type());
}

at::Tensor neighbours_to_halves(const at::Tensor& rows, std::int64_t head_dim) {
  std::vector<std::int64_t> sizes = rows.sizes().vec();
  CHECK(head_dim % 2 == 0 && sizes.front() % head_dim == 0);
  const std::int64_t heads = sizes.front() / head_dim;
  const std::int64_t rest = rows.numel() / sizes.front();
  return rows.reshape({heads, head_dim / 2, 2, rest}).transpose(1, 2).reshape(sizes);
}

NormRotate::NormRotate(at::Tensor weight, double eps) : weight_(std::move(weight)), eps_(eps) {}

at::Tensor NormRotate::operator()(const at::Tensor& x, const RopeTable& table) const {
  if (cpu::has_fused(x)) {
    cpu::norm_rotate(x,
                     {.weight = weight_, .cosine = table.cosine, .sine = table.sine, .eps = eps_});
    return x;
  }
  const std::int64_t head_dim = weight_.size(0);
  const at::Tensor heads = x.reshape({x.size(0), x.size(1), x.size(2) / head_dim, head_dim});
  const at::Tensor normed = rms_norm({.x = heads, .factor = weight_.unsqueeze(0), .eps = eps_});
  return rotate(normed, table).flatten(2);
}

}  // namespace bafa::nn
