#include "nn/cpu/token_kernels.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "nn/cpu/dispatch.h"
#include "nn/cpu/fused.h"

namespace bafa::nn::cpu {
namespace {

std::int64_t grain(std::int64_t columns) {
  return std::max<std::int64_t>(1, kGrainElements / std::max<std::int64_t>(columns, 1));
}

}  // namespace

at::Tensor rms_norm(const RmsNormInput& input) {
  const at::Tensor x = input.x.contiguous();
  const std::int64_t columns = x.size(-1);
  const bool shared = input.factor.size(0) == 1;
  CHECK(has_fused(x) && input.factor.scalar_type() == at::kFloat);
  CHECK(input.factor.size(1) == columns && (shared || input.factor.size(0) == x.size(0)));
  at::Tensor y = at::empty_like(x);
  if (y.numel() == 0) return y;
  const at::Tensor factor = input.factor.contiguous();
  const at::Tensor residual = input.residual.defined() ? input.residual.contiguous() : at::Tensor();
  const std::int64_t rows = x.numel() / columns;
  const std::int64_t rows_of_one = shared ? rows : rows / x.size(0);
  with_element_type(x, [&](auto element) {
    using T = decltype(element);
    at::parallel_for(0, rows, grain(columns), [&](std::int64_t from, std::int64_t to) {
      while (from < to) {  // the rows of one image share a factor
        const std::int64_t one = from / rows_of_one;
        const std::int64_t end = std::min(to, (one + 1) * rows_of_one);
        const std::int64_t at = from * columns;
        kernels_of<T>().rms_norm(
            memory<T>(x) + at, end - from, columns, factor.const_data_ptr<float>() + one * columns,
            static_cast<float>(input.eps), residual.defined() ? memory<T>(residual) + at : nullptr,
            memory<T>(y) + at);
        from = end;
      }
    });
  });
  return y;
}

void norm_rotate(const at::Tensor& x, const NormRotateInput& input) {
  const std::int64_t head_dim = input.weight.size(0);
  const std::int64_t half = head_dim / 2;
  const std::int64_t tokens = x.size(1);
  CHECK(has_fused(x) && x.dim() == 3 && x.stride(2) == 1 && x.size(2) % head_dim == 0);
  CHECK(input.cosine.size(0) == tokens && input.cosine.size(1) == half && head_dim % 2 == 0);
  CHECK(input.cosine.is_contiguous() && input.sine.is_contiguous());
  with_element_type(x, [&](auto element) {
    using T = decltype(element);
    T* begin = memory<T>(x);
    const float* weight = input.weight.const_data_ptr<float>();
    const float* cosine = input.cosine.const_data_ptr<float>();
    const float* sine = input.sine.const_data_ptr<float>();
    at::parallel_for(
        0, x.size(0) * tokens, grain(x.size(2)), [&](std::int64_t from, std::int64_t to) {
          for (std::int64_t row = from; row < to; ++row) {
            const std::int64_t token = row % tokens;
            kernels_of<T>().norm_rotate(begin + row / tokens * x.stride(0) + token * x.stride(1),
                                        x.size(2) / head_dim, half, weight,
                                        static_cast<float>(input.eps), cosine + token * half,
                                        sine + token * half);
          }
        });
  });
}

at::Tensor silu_gated(const at::Tensor& x) {
  CHECK(has_fused(x) && x.size(-1) % 2 == 0);
  const at::Tensor dense = x.contiguous();
  std::vector<std::int64_t> sizes = dense.sizes().vec();
  sizes.back() /= 2;
  at::Tensor y = at::empty(sizes, dense.options());
  const std::int64_t columns = sizes.back();
  if (y.numel() == 0) return y;
  with_element_type(dense, [&](auto element) {
    using T = decltype(element);
    const T* from = memory<T>(dense);
    T* to = memory<T>(y);
    at::parallel_for(0, y.numel() / columns, grain(columns),
                     [&](std::int64_t first, std::int64_t last) {
                       kernels_of<T>().silu_gated(from + first * 2 * columns, last - first, columns,
                                                  to + first * columns);
                     });
  });
  return y;
}

void softmax(const at::Tensor& x) {
  CHECK(has_fused(x) && x.is_contiguous());
  const std::int64_t columns = x.size(-1);
  if (x.numel() == 0) return;
  with_element_type(x, [&](auto element) {
    using T = decltype(element);
    T* begin = memory<T>(x);
    at::parallel_for(
        0, x.numel() / columns, grain(columns), [&](std::int64_t from, std::int64_t to) {
          std::vector<float> scratch(static_cast<std::size_t>(columns));
          kernels_of<T>().softmax(begin + from * columns, to - from, columns, scratch.data());
        });
  });
}

}  // namespace bafa::nn::cpu
