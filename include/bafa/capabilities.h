// What the loaded model can be asked for, and the limits that the operator put on it. Made once by
// the pipeline when it has loaded; read by validation, the HTTP interface and the web page.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace bafa {

template <typename T>
struct Range {
  T min{};
  T max{};
  T fallback{};  // used when the caller names none

  bool contains(T value) const { return value >= min && value <= max; }
};

struct SizeLimits {
  Range<int> width{};           // pixels
  Range<int> height{};          // pixels
  int multiple = 8;             // both sides must be divisible by it
  std::int64_t max_pixels = 0;  // width * height
};

struct Capabilities {
  std::string model;   // the id that /v1/models lists
  std::string family;  // "AltDiffusionPipeline", ...: the class of model_index.json
  SizeLimits size;
  Range<int> steps{1, 50, 8};  // denoising steps
  Range<double> guidance_scale{0.0, 20.0, 1.0};
  double no_guidance_until = 1.0;  // up to here a scale means: none, one forward a step
  bool negative_prompt = false;    // only honoured with guidance
  Range<double> guidance_rescale{0.0, 0.0, 0.0};   // only honoured with guidance, like these two
  Range<double> cfg_normalization{0.0, 0.0, 0.0};  // 0: none
  Range<double> cfg_truncation{1.0, 1.0, 1.0};     // 1: none
  Range<int> clip_skip{0, 0, 0};                   // layers left out at the text encoder's end
  Range<int> images{1, 4, 1};                      // pictures a request
  std::vector<std::string> samplers;               // accepted names; the first is the default
  // Of those that take fewer steps than steps.max.
  std::map<std::string, int> sampler_max_steps;
  std::size_t max_prompt_bytes = 4096;
  int max_prompt_tokens = 0;  // longer prompts are cut there, and the answer says so
  bool previews = false;      // Pipeline::preview works
};

}  // namespace bafa
