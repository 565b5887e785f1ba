#include "pipeline/guidance.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <vector>

#include "base/check.h"

namespace bafa::pipeline {
namespace {

constexpr float kTrainTimesteps = 1000;

using Settings = std::span<const GuidanceSettings* const>;

// One number a picture -> [B, 1, 1, 1] like `x`
at::Tensor column(const at::Tensor& x, Settings settings, double GuidanceSettings::* field) {
  std::vector<double> values;
  for (const GuidanceSettings* each : settings) values.push_back(each->*field);
  return at::tensor(values, at::TensorOptions(at::kDouble)).to(x.options()).view({-1, 1, 1, 1});
}

bool none(Settings settings, double GuidanceSettings::* field) {
  return std::ranges::all_of(settings, [field](const auto* each) { return each->*field == 0; });
}

// Guidance widens the range of a prediction. A share of it is put back to the range that the prompt
// alone gives. Source: rescale_noise_cfg of diffusers' pipelines.
at::Tensor rescaled(const at::Tensor& guided, const at::Tensor& with_text,
                    const at::Tensor& share) {
  const auto deviation = [](const at::Tensor& x) { return x.std({1, 2, 3}, true, true); };
  const at::Tensor ratio = deviation(with_text) / deviation(guided);
  return share * (guided * ratio) + (1 - share) * guided;
}

// Where it is longer than `most` lengths of the prompt's prediction it is cut to that. Source:
// cfg_normalization of ZImagePipeline.
at::Tensor shortened(const at::Tensor& guided, const at::Tensor& with_text,
                     const at::Tensor& most) {
  const auto length = [](const at::Tensor& x) {
    return at::linalg_vector_norm(x, 2, at::IntArrayRef{1, 2, 3}, true);
  };
  const at::Tensor longest = length(with_text) * most;
  const at::Tensor found = length(guided);
  return at::where((most > 0) & (found > longest), guided * (longest / found), guided);
}

}  // namespace

bool GuidanceSettings::guides(double timestep) const {
  const float clean = (kTrainTimesteps - static_cast<float>(timestep)) / kTrainTimesteps;
  return static_cast<double>(clean) <= truncation;
}

at::Tensor guided(Guidance guidance, const at::Tensor& negative, const at::Tensor& with_text,
                  Settings settings) {
  CHECK(static_cast<std::size_t>(with_text.size(0)) == settings.size());
  const at::Tensor& from = guidance == Guidance::from_negative ? negative : with_text;
  const at::Tensor scale = column(with_text, settings, &GuidanceSettings::scale);
  at::Tensor result = from + scale * (with_text - negative);
  if (!none(settings, &GuidanceSettings::rescale))
    result = rescaled(result, with_text, column(with_text, settings, &GuidanceSettings::rescale));
  if (!none(settings, &GuidanceSettings::normalization))
    result =
        shortened(result, with_text, column(with_text, settings, &GuidanceSettings::normalization));
  return result;
}

}  // namespace bafa::pipeline
