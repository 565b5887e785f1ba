#include "sampler/karras.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/searchsorted.h>

#include <cmath>

#include "sampler/noise_levels.h"

namespace bafa::sampler {
namespace {

constexpr double kRho = 7.0;

}  // namespace

at::Tensor karras_sigmas(double largest, double smallest, int steps) {
  const double from = std::pow(largest, 1 / kRho);
  const double to = std::pow(smallest, 1 / kRho);
  return (linspace(0, 1, steps) * (to - from) + from).pow(kRho);
}

at::Tensor timesteps_at(const at::Tensor& sigmas, const at::Tensor& levels) {
  const at::Tensor logarithms = levels.to(at::kDouble).log().to(at::kFloat);
  const at::Tensor wanted = sigmas.to(at::kDouble).clamp_min(1e-10).log();
  const at::Tensor below =
      (at::searchsorted(logarithms.to(at::kDouble), wanted, false, /*right=*/true) - 1)
          .clamp(0, levels.size(0) - 2);
  const at::Tensor low = logarithms.index_select(0, below);
  const at::Tensor high = logarithms.index_select(0, below + 1);
  const at::Tensor share = ((low - wanted) / (low - high)).clamp(0, 1);
  return (1 - share) * below + share * (below + 1);
}

}  // namespace bafa::sampler
