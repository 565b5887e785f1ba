// Leading predictions away from those for a negative prompt, as the reference's pipelines do it
// where a network does not take guidance as an input. Pure; the device thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>

#include "pipeline/parts.h"

namespace bafa::pipeline {

// What one picture's request says of it; the fields of GenerationParams.
struct GuidanceSettings {
  double scale = 1.0;
  double rescale = 0.0;        // share of the range that is put back; 0: none
  double normalization = 0.0;  // longest result, in lengths of the prompt's prediction; 0: any
  double truncation = 1.0;     // clean share of the picture beyond which it is not guided

  // Whether a step at `timestep` (1000: noise, 0: clean) is guided. Compares in the precision of
  // ZImagePipeline, whose cfg_truncation this is.
  bool guides(double timestep) const;
};

// negative, with_text [B, C, h, w] fp32, a setting for each -> the same
at::Tensor guided(Guidance guidance, const at::Tensor& negative, const at::Tensor& with_text,
                  std::span<const GuidanceSettings* const> settings);

}  // namespace bafa::pipeline
