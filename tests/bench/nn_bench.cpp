// The layers that an image's time goes into, at the embedded model's shapes, batch 1 and 4.
#include <ATen/ops/randn.h>
#include <ATen/ops/silu.h>
#include <benchmark/benchmark.h>
#include <c10/core/InferenceMode.h>

#include "nn/attention.h"
#include "nn/cpu/fused.h"
#include "nn/linear.h"
#include "nn/onednn.h"

namespace bafa::nn {
namespace {

at::Tensor image(std::int64_t batch, std::int64_t channels, std::int64_t side) {
  return at::randn({batch, channels, side, side})
      .to(at::kBFloat16)
      .contiguous(at::MemoryFormat::ChannelsLast);
}

void count_flops(benchmark::State& state, std::int64_t flops) {
  state.counters["GFLOP/s"] = benchmark::Counter(static_cast<double>(flops) * 1e-9,
                                                 benchmark::Counter::kIsIterationInvariantRate);
}

// batch, channels, side
void conv3x3(benchmark::State& state) {
  const c10::InferenceMode inference;
  const std::int64_t batch = state.range(0), channels = state.range(1), side = state.range(2);
  const at::Tensor weight = onednn::pack_conv2d(
      at::randn({channels, channels, 3, 3}).to(at::kBFloat16), {.stride = 1, .padding = 1});
  const at::Tensor bias = at::randn({channels}).to(at::kBFloat16);
  const at::Tensor x = image(batch, channels, side);
  for (auto _ : state) {
    benchmark::DoNotOptimize(onednn::conv2d(x, weight, bias, {.stride = 1, .padding = 1}));
  }
  count_flops(state, 2 * 9 * channels * channels * side * side * batch);
}
BENCHMARK(conv3x3)
    ->ArgsProduct({{1, 4}, {96}, {32}})
    ->ArgsProduct({{1, 4}, {160}, {16}})
    ->ArgsProduct({{1, 4}, {176}, {8}})
    ->ArgsProduct({{1, 4}, {16}, {256}})
    ->UseRealTime();

// batch, channels, side
void group_norm_silu(benchmark::State& state) {
  const c10::InferenceMode inference;
  const cpu::GroupNormInput input{.x = image(state.range(0), state.range(1), state.range(2)),
                                  .weight = at::randn({state.range(1)}),
                                  .bias = at::randn({state.range(1)}),
                                  .groups = 8,
                                  .silu = true};
  for (auto _ : state) benchmark::DoNotOptimize(cpu::group_norm(input));
  state.SetBytesProcessed(state.iterations() * 3 * static_cast<std::int64_t>(input.x.nbytes()));
}
BENCHMARK(group_norm_silu)
    ->ArgsProduct({{1, 4}, {96}, {32}})
    ->ArgsProduct({{1, 4}, {160}, {16}})
    ->ArgsProduct({{1, 4}, {16, 48}, {256}})
    ->UseRealTime();

// batch, tokens, channels
void linear(benchmark::State& state) {
  const c10::InferenceMode inference;
  const std::int64_t batch = state.range(0), tokens = state.range(1), channels = state.range(2);
  const Linear layer(at::randn({3 * channels, channels}).to(at::kBFloat16), {});
  const at::Tensor x = at::randn({batch, tokens, channels}).to(at::kBFloat16);
  for (auto _ : state) benchmark::DoNotOptimize(layer(x));
  count_flops(state, 2 * 3 * channels * channels * tokens * batch);
}
BENCHMARK(linear)
    ->ArgsProduct({{1, 4}, {256}, {160}})
    ->ArgsProduct({{1, 4}, {64}, {176}})
    ->UseRealTime();

// batch, queries, keys, channels of 4 heads
template <at::Tensor function(const AttentionInput&)>
void attend(benchmark::State& state) {
  const c10::InferenceMode inference;
  const std::int64_t channels = state.range(3);
  const auto tokens = [&](std::int64_t count) {
    return at::randn({state.range(0), count, channels}).to(at::kBFloat16);
  };
  const AttentionInput input{.query = tokens(state.range(1)),
                             .key = tokens(state.range(2)),
                             .value = tokens(state.range(2)),
                             .heads = 4};
  for (auto _ : state) benchmark::DoNotOptimize(function(input));
  count_flops(state, 4 * state.range(0) * state.range(1) * state.range(2) * channels);
}
BENCHMARK(attend<attention>)->Args({1, 256, 256, 160})->Args({1, 64, 64, 176})->UseRealTime();
BENCHMARK(attend<attention_by_rows>)
    ->Args({1, 256, 256, 160})
    ->Args({1, 64, 64, 176})
    ->UseRealTime();

void geglu(benchmark::State& state) {
  const c10::InferenceMode inference;
  const at::Tensor x = at::randn({state.range(0), 1280}).to(at::kBFloat16);
  for (auto _ : state) benchmark::DoNotOptimize(cpu::geglu(x));
}
BENCHMARK(geglu)->Arg(256)->Arg(1024)->UseRealTime();

}  // namespace
}  // namespace bafa::nn
