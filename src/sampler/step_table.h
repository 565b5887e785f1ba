// Schedule::table: the numbers a solver needs at each step, worked out for all steps at once with
// tensors as the reference does it one by one. (Plain floats would let a compiler join a product
// and a sum into one rounding, and the result would differ in the last bit.)
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>

#include <array>
#include <span>
#include <vector>

#include "base/check.h"
#include "sampler/sampler.h"

namespace bafa::sampler {

// Columns of [F] -> [F, K] fp32
inline at::Tensor step_table(const std::vector<at::Tensor>& columns) {
  return at::stack(columns, 1).to(at::kFloat);
}

inline std::vector<float> to_vector(const at::Tensor& values) {
  const at::Tensor plain = values.to(at::kFloat).contiguous();
  const float* begin = plain.const_data_ptr<float>();
  return {begin, begin + plain.numel()};
}

// The first K columns in the row of each image's step: K tensors [B, 1, 1, 1] beside `like`.
template <std::size_t K>
std::array<at::Tensor, K> columns_of(std::span<const Position> positions, const at::Tensor& like) {
  const std::size_t images = positions.size();
  CHECK(like.size(0) == static_cast<std::int64_t>(images));
  at::Tensor values = at::empty({static_cast<std::int64_t>(K), like.size(0), 1, 1, 1},
                                at::TensorOptions(at::kFloat));
  float* out = values.mutable_data_ptr<float>();
  for (std::size_t image = 0; image < images; ++image) {
    const at::Tensor& table = positions[image].schedule->table;
    CHECK(table.size(1) >= static_cast<std::int64_t>(K));
    const float* row = table.const_data_ptr<float>() + positions[image].index * table.size(1);
    for (std::size_t column = 0; column < K; ++column) out[column * images + image] = row[column];
  }
  values = values.to(like.device());
  std::array<at::Tensor, K> columns;
  for (std::size_t column = 0; column < K; ++column)
    columns[column] = values[static_cast<std::int64_t>(column)];
  return columns;
}

}  // namespace bafa::sampler
