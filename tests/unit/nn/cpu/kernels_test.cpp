#include "nn/cpu/kernels.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "device/cpu_features.h"
#include "support/layer_weights.h"

namespace bafa::nn::cpu {
namespace {

using test::noise;
using test::relative_error;

// Every table that this machine can run, by name.
class Table : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string(GetParam()) == "v4" && !device::cpu_features().avx512) {
      GTEST_SKIP() << "this machine has no AVX-512";
    }
  }
  const Kernels& table() { return std::string(GetParam()) == "v4" ? kernels_v4() : kernels_v3(); }
};

const float* fp32(const at::Tensor& x) { return x.const_data_ptr<float>(); }
float* fp32_out(at::Tensor& x) { return x.mutable_data_ptr<float>(); }
const Bf16Bits* bf16(const at::Tensor& x) {
  return static_cast<const Bf16Bits*>(x.const_data_ptr());
}
Bf16Bits* bf16_out(at::Tensor& x) { return static_cast<Bf16Bits*>(x.mutable_data_ptr()); }

TEST_P(Table, SumsWhatLiesAboveThePivot) {
  for (const std::int64_t columns : {1, 17, 64, 203}) {
    const at::Tensor x = noise({31, columns}) + 5;
    const at::Tensor pivot = noise({columns}, 2) + 5;
    at::Tensor sums = at::ones({columns});
    at::Tensor squares = at::ones({columns});
    table().fp32.moments(fp32(x), 31, columns, fp32(pivot), fp32_out(sums), fp32_out(squares));
    const at::Tensor above = (x - pivot).to(at::kDouble);
    EXPECT_LT(relative_error(sums, above.sum(0) + 1), 1e-5);
    EXPECT_LT(relative_error(squares, above.square().sum(0) + 1), 1e-6);
  }
}

TEST_P(Table, TakesTheSoftmaxOfEachRow) {
  for (const std::int64_t columns : {1, 19, 64, 1000}) {
    at::Tensor x = noise({7, columns}) * 8;
    x[3] += 200;     // no power overflows
    x[4][0] = -300;  // nor do its neighbours
    const at::Tensor expected = x.to(at::kDouble).softmax(-1);
    at::Tensor scratch = at::empty({columns});
    at::Tensor half = x.to(at::kBFloat16);
    const at::Tensor expected_of_half = half.to(at::kDouble).softmax(-1);
    table().fp32.softmax(fp32_out(x), 7, columns, fp32_out(scratch));
    table().bf16.softmax(bf16_out(half), 7, columns, fp32_out(scratch));
    EXPECT_LT(relative_error(x, expected), 2e-6);
    EXPECT_LT(relative_error(half, expected_of_half), 3e-3);
  }
}

TEST_P(Table, ScalesShiftsAndAppliesSilu) {
  for (const std::int64_t columns : {1, 19, 64, 131}) {
    const at::Tensor x = noise({9, columns}) * 20;
    const at::Tensor scale = noise({columns}, 2);
    const at::Tensor shift = noise({columns}, 3);
    const at::Tensor plain = x * scale + shift;
    at::Tensor y = at::empty_like(x);
    table().fp32.affine(fp32(x), 9, columns, fp32(scale), fp32(shift), false, fp32_out(y));
    EXPECT_LT(relative_error(y, plain), 1e-6);
    table().fp32.affine(fp32(x), 9, columns, fp32(scale), fp32(shift), true, fp32_out(y));
    EXPECT_LT(relative_error(y, at::silu(plain)), 1e-6);
  }
}

TEST_P(Table, GatesByGeluAsExactAsItsErf) {
  const at::Tensor gates = at::linspace(-12, 12, 4001);
  const at::Tensor x = at::cat({at::ones({1, 4001}), gates.unsqueeze(0)}, 1);
  at::Tensor y = at::empty({1, 4001});
  table().fp32.geglu(fp32(x), 1, 4001, fp32_out(y));
  const at::Tensor exact = at::gelu(gates.to(at::kDouble));
  const at::Tensor allowed = 1.5e-7 * (1 + gates.abs());
  EXPECT_TRUE(((y[0] - exact).abs() <= allowed).all().item<bool>());
}

TEST_P(Table, RoundsBf16ToNearestEven) {
  const at::Tensor x = noise({7, 77}).to(at::kBFloat16);
  const at::Tensor scale = noise({77}, 2);
  const at::Tensor shift = at::zeros({77});
  at::Tensor y = at::empty_like(x);
  table().bf16.affine(bf16(x), 7, 77, fp32(scale), fp32(shift), false, bf16_out(y));
  EXPECT_TRUE(y.equal((x.to(at::kFloat) * scale).to(at::kBFloat16)));
}

TEST_P(Table, LetsNanAndInfinityThrough) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor x = at::full({1, 40}, nan);
  const at::Tensor one = at::ones({40});
  at::Tensor y = at::empty_like(x);
  table().fp32.affine(fp32(x), 1, 40, fp32(one), fp32(one), true, fp32_out(y));
  EXPECT_TRUE(y.isnan().all().item<bool>());
  const at::Tensor half = x.to(at::kBFloat16);
  at::Tensor half_y = at::empty_like(half);
  table().bf16.affine(bf16(half), 1, 40, fp32(one), fp32(one), true, bf16_out(half_y));
  EXPECT_TRUE(half_y.isnan().all().item<bool>());
  const at::Tensor large = at::full({1, 40}, std::numeric_limits<float>::infinity());
  table().fp32.affine(fp32(large), 1, 40, fp32(one), fp32(one), true, fp32_out(y));
  EXPECT_TRUE(y.isinf().all().item<bool>());
}

TEST_P(Table, AgreesInBothElementTypes) {
  const at::Tensor x = noise({6, 2 * 45}).to(at::kBFloat16);
  at::Tensor y = at::empty({6, 45}, at::kBFloat16);
  table().bf16.geglu(bf16(x), 6, 45, bf16_out(y));
  const at::Tensor wide = x.to(at::kFloat);
  at::Tensor wide_y = at::empty({6, 45});
  table().fp32.geglu(fp32(wide), 6, 45, fp32_out(wide_y));
  EXPECT_TRUE(y.equal(wide_y.to(at::kBFloat16)));
}

INSTANTIATE_TEST_SUITE_P(All, Table, testing::Values("v3", "v4"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace bafa::nn::cpu
