#include "nn/rope.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "support/layer_weights.h"

namespace bafa::nn {
namespace {

using test::noise;
using test::relative_error;

RopeTable table(std::int64_t tokens, std::int64_t half) {
  const at::Tensor angle = noise({tokens, half}, 5);
  return {angle.cos(), angle.sin()};
}

// x [B, S, heads, D]: neighbours as complex numbers, as the reference has them
at::Tensor turned_neighbours(const at::Tensor& x, const RopeTable& rope) {
  const at::Tensor complex = at::view_as_complex(x.unflatten(-1, {-1, 2}).contiguous());
  const at::Tensor turn = at::complex(rope.cosine, rope.sine).unsqueeze(1);
  return at::view_as_real(complex * turn).flatten(-2);
}

TEST(Rope, TurnsHalvesLikeComplexNumbers) {
  const RopeTable rope = table(7, 3);
  const at::Tensor x = noise({2, 7, 5, 6});
  const at::Tensor halves = x.unflatten(-1, {2, 3}).transpose(-1, -2).flatten(-2);
  const at::Tensor expected =
      turned_neighbours(halves, rope).unflatten(-1, {3, 2}).transpose(-1, -2).flatten(-2);
  EXPECT_LT(relative_error(rotate(x, rope), expected), test::kFp32Error);
}

TEST(Rope, JoinsTablesInOrder) {
  const RopeTable first = table(2, 3);
  const RopeTable both = join(first, table(4, 3));
  EXPECT_EQ(both.cosine.size(0), 6);
  EXPECT_TRUE(at::equal(both.sine.narrow(0, 0, 2), first.sine));
}

TEST(Rope, BringsNeighboursIntoHalvesOfEachHead) {
  const at::Tensor rows = at::arange(12).view({12, 1});
  EXPECT_TRUE(at::equal(neighbours_to_halves(rows, 6).flatten(),
                        at::tensor({0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11}, at::kLong)));
}

// What the whole is for: products of queries and keys are those of the reference.
TEST(NormRotate, KeepsTheProductsOfANetworkThatTurnsNeighbours) {
  const std::int64_t heads = 3;
  const std::int64_t size = 8;
  const RopeTable rope = table(5, size / 2);
  const at::Tensor weight = noise({size}, 3) + 1;
  const NormRotate layer(neighbours_to_halves(weight, size).contiguous(), 1e-5);
  const auto reference = [&](const at::Tensor& x) {
    const at::Tensor split = x.unflatten(-1, {heads, size});
    const at::Tensor normed = split * at::rsqrt(split.square().mean(-1, true) + 1e-5) * weight;
    return turned_neighbours(normed, rope);
  };
  const auto ours = [&](const at::Tensor& x, at::ScalarType dtype) {
    // A part of a wider tensor, as of a joined product, and of two images.
    const at::Tensor wide = at::cat({x, noise({2, 5, 4}, 9)}, -1);
    const at::Tensor columns =
        neighbours_to_halves(wide.narrow(-1, 0, heads * size).permute({2, 0, 1}), size);
    at::Tensor mine = at::cat({columns.permute({1, 2, 0}), wide.narrow(-1, heads * size, 4)}, -1)
                          .contiguous()
                          .to(dtype);
    const at::Tensor turned = layer(mine.narrow(-1, 0, heads * size), rope);
    EXPECT_TRUE(at::equal(mine.narrow(-1, heads * size, 4).to(at::kFloat),
                          wide.narrow(-1, heads * size, 4).to(dtype).to(at::kFloat)));
    return turned.unflatten(-1, {heads, size}).to(at::kFloat);
  };
  const auto product = [](const at::Tensor& a, const at::Tensor& b) {
    return at::matmul(a.transpose(1, 2), b.permute({0, 2, 3, 1}));
  };
  const at::Tensor query = noise({2, 5, heads * size}, 1);
  const at::Tensor key = noise({2, 5, heads * size}, 2);
  const at::Tensor expected = product(reference(query), reference(key));
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16})
    EXPECT_LT(relative_error(product(ours(query, dtype), ours(key, dtype)), expected),
              dtype == at::kFloat ? 2 * test::kFp32Error : 2 * test::kBf16Error);
}

}  // namespace
}  // namespace bafa::nn
