#include "nn/attention.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "support/allocated_bytes.h"
#include "support/layer_weights.h"

namespace bafa::nn {
namespace {

using test::kBf16Error;
using test::kFp32Error;
using test::LayerWeights;
using test::noise;
using test::relative_error;

// softmax(q k^T / sqrt(d)) v, head by head, in double.
at::Tensor reference(const AttentionInput& input) {
  const std::int64_t width = input.query.size(2) / input.heads;
  std::vector<at::Tensor> outs;
  for (std::int64_t head = 0; head < input.heads; ++head) {
    const auto of = [&](const at::Tensor& x) {
      return x.narrow(2, head * width, width).to(at::kDouble);
    };
    at::Tensor scores = of(input.query).matmul(of(input.key).transpose(1, 2)) /
                        std::sqrt(static_cast<double>(width));
    if (input.key_mask.defined()) {
      scores = scores.masked_fill(input.key_mask.logical_not().unsqueeze(1), -INFINITY);
    }
    if (input.causal) scores = scores.masked_fill(at::ones_like(scores[0]).triu(1) == 1, -INFINITY);
    outs.push_back(scores.softmax(-1).matmul(of(input.value)));
  }
  return at::cat(outs, 2);
}

struct Case {
  std::int64_t batch, queries, keys, heads, width;
};

class AttentionShapes : public testing::TestWithParam<Case> {};

TEST_P(AttentionShapes, EqualTheReference) {
  const Case& shape = GetParam();
  const std::int64_t channels = shape.heads * shape.width;
  const AttentionInput input{.query = noise({shape.batch, shape.queries, channels}, 1),
                             .key = noise({shape.batch, shape.keys, channels}, 2),
                             .value = noise({shape.batch, shape.keys, channels}, 3),
                             .heads = shape.heads};
  EXPECT_LT(relative_error(attention(input), reference(input)), kFp32Error);
  EXPECT_LT(relative_error(attention_by_rows(input), reference(input)), kFp32Error);
  const AttentionInput half{.query = input.query.to(at::kBFloat16),
                            .key = input.key.to(at::kBFloat16),
                            .value = input.value.to(at::kBFloat16),
                            .heads = shape.heads};
  EXPECT_LT(relative_error(attention(half), reference(half)), kBf16Error);
  EXPECT_LT(relative_error(attention_by_rows(half), reference(half)), 2 * kBf16Error);
}

INSTANTIATE_TEST_SUITE_P(All, AttentionShapes,
                         testing::Values(Case{1, 256, 256, 4, 40}, Case{2, 64, 64, 4, 44},
                                         Case{1, 63, 24, 3, 5}, Case{2, 1, 1, 1, 8},
                                         Case{1, 300, 17, 2, 64}, Case{1, 130, 130, 1, 128},
                                         Case{3, 35, 77, 8, 40}, Case{1, 600, 600, 1, 512}));

TEST(Attention, ReadsPartsOfAJoinedProductWithoutACopy) {
  const at::Tensor joined = noise({2, 20, 72});
  const AttentionInput parts{.query = joined.narrow(2, 0, 24),
                             .key = joined.narrow(2, 24, 24),
                             .value = joined.narrow(2, 48, 24),
                             .heads = 3};
  EXPECT_LT(relative_error(attention(parts), reference(parts)), kFp32Error);
}

TEST(Attention, LeavesMaskedKeysOut) {
  at::Tensor mask = at::ones({2, 9}, at::kBool);
  mask.narrow(1, 4, 5)[0].fill_(false);
  const AttentionInput input{.query = noise({2, 6, 16}, 1),
                             .key = noise({2, 9, 16}, 2),
                             .value = noise({2, 9, 16}, 3),
                             .key_mask = mask,
                             .heads = 2};
  EXPECT_LT(relative_error(attention(input), reference(input)), kFp32Error);
  EXPECT_LT(relative_error(attention_by_rows(input), reference(input)), kFp32Error);
}

// 600 queries: more than one block of rows.
TEST(Attention, SeesNoLaterKeysWhenItIsCausal) {
  for (const std::int64_t length : {1, 77, 600}) {
    const AttentionInput input{.query = noise({2, length, 16}, 1),
                               .key = noise({2, length, 16}, 2),
                               .value = noise({2, length, 16}, 3),
                               .heads = 2,
                               .causal = true};
    EXPECT_LT(relative_error(attention(input), reference(input)), kFp32Error);
    EXPECT_LT(relative_error(attention_by_rows(input), reference(input)), kFp32Error);
  }
}

// Twelve heads over 3000 keys: blocks are cut to fewer rows than for smaller pictures.
TEST(Attention, GivesTheSameNumbersInSmallBlocksOfManyScores) {
  const AttentionInput input{.query = noise({2, 900, 24}, 1),
                             .key = noise({2, 3000, 24}, 2),
                             .value = noise({2, 3000, 24}, 3),
                             .heads = 12};
  EXPECT_LT(relative_error(attention_by_rows(input), reference(input)), 2 * kFp32Error);
}

// Without ATen's fused kernels, as on a device that lacks them.
class WithoutFusedKernels : public testing::Test {
 protected:
  WithoutFusedKernels() { at::globalContext().setSDPUseFlash(false); }
  ~WithoutFusedKernels() override { at::globalContext().setSDPUseFlash(true); }
};

TEST_F(WithoutFusedKernels, MemoryGrowsWithTheTokensNotWithTheirSquare) {
  const auto peak = [](std::int64_t batch, std::int64_t tokens) {
    const AttentionInput input{.query = noise({batch, tokens, 16}, 1),
                               .key = noise({batch, tokens, 16}, 2),
                               .value = noise({batch, tokens, 16}, 3),
                               .heads = 2};
    return test::peak_bytes([&] { attention(input); });
  };
  const std::int64_t one = peak(1, 2048);
  EXPECT_GT(one, std::int64_t{2048} * 16 * 4);
  EXPECT_LT(one, std::int64_t{2} * 2048 * 2048 * 4);  // all scores
  EXPECT_LT(peak(1, 4096), 2.1 * static_cast<double>(one));
  // No block holds more than so many scores, whatever the batch.
  EXPECT_LT(peak(16, 2048), 9 * static_cast<double>(one));
}

TEST_F(WithoutFusedKernels, MasksAndCausalityHoldToo) {
  AttentionInput input{.query = noise({2, 9, 16}, 1),
                       .key = noise({2, 9, 16}, 2),
                       .value = noise({2, 9, 16}, 3),
                       .heads = 2,
                       .causal = true};
  EXPECT_LT(relative_error(attention(input), reference(input)), kFp32Error);
  input.causal = false;
  input.key_mask = at::ones({2, 9}, at::kBool);
  input.key_mask.narrow(1, 4, 5)[0].fill_(false);
  EXPECT_LT(relative_error(attention(input), reference(input)), kFp32Error);
}

TEST(SelfAttention, ProjectsAttendsAndAddsTheResidual) {
  for (const bool bias : {false, true}) {
    LayerWeights weights;
    for (const char* name : {"to_q", "to_k", "to_v"}) weights.linear(name, 24, 24, bias);
    weights.linear("to_out.0", 24, 24);
    auto map = weights.open();
    const SelfAttention layer(map.root(), {.channels = 24, .heads = 4, .bias = bias});
    map.finish();
    const at::Tensor x = noise({2, 15, 24});
    const at::Tensor residual = noise({2, 15, 24}, 5);
    const auto project = [&](const std::string& name) {
      return at::linear(x, weights[name + ".weight"],
                        bias ? std::optional(weights[name + ".bias"]) : std::nullopt);
    };
    const at::Tensor attended = attention(
        {.query = project("to_q"), .key = project("to_k"), .value = project("to_v"), .heads = 4});
    const at::Tensor expected =
        at::linear(attended, weights["to_out.0.weight"], weights["to_out.0.bias"]) + residual;
    EXPECT_LT(relative_error(layer(x, residual), expected), kFp32Error);
  }
}

TEST(CrossAttention, ReadsTheTextThroughKeysAndValuesMadeBefore) {
  const LayerWeights weights = LayerWeights()
                                   .linear("to_q", 24, 24, false)
                                   .linear("to_k", 10, 24, false)
                                   .linear("to_v", 10, 24, false)
                                   .linear("to_out.0", 24, 24);
  auto map = weights.open();
  const CrossAttention layer(map.root(), {.channels = 24, .heads = 3, .text_features = 10});
  map.finish();
  const at::Tensor x = noise({2, 15, 24});
  const at::Tensor text = noise({2, 7, 10}, 6);
  const at::Tensor attended = attention({.query = at::linear(x, weights["to_q.weight"]),
                                         .key = at::linear(text, weights["to_k.weight"]),
                                         .value = at::linear(text, weights["to_v.weight"]),
                                         .heads = 3});
  const at::Tensor expected =
      at::linear(attended, weights["to_out.0.weight"], weights["to_out.0.bias"]) + x;
  EXPECT_LT(relative_error(layer(x, layer.keys_values(text), x), expected), kFp32Error);
}

}  // namespace
}  // namespace bafa::nn
