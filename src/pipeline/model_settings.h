// model.json: what bafa itself wants to know of a model beside its diffusers files: its name, the
// defaults of a request, and how latents look as colours. Every field may be absent, and so may the
// file. Plain values; made while a model is loaded.
#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bafa/capabilities.h"
#include "bafa/config.h"

namespace bafa::pipeline {

// rgb = sum over channels of latent * latent_to_rgb[channel] + bias, with 0 black and 1 white.
struct PreviewColours {
  std::vector<std::array<float, 3>> latent_to_rgb;  // [C]
  std::array<float, 3> bias{};
};

// Of requests, where neither they nor model.json say it.
struct RequestDefaults {
  int steps = 8;
  double guidance_scale = 1.0;
};

struct ModelSettings {
  std::string name;
  std::optional<int> steps;  // these two: else as the family's pipeline class does in the reference
  std::optional<double> guidance_scale;
  int clip_skip = 0;         // layers left out at the text encoder's end
  std::optional<int> width;  // pixels
  std::optional<int> height;
  std::string sampler;           // the default, instead of scheduler_config.json's; "": that
  std::string timestep_spacing;  // for all samplers; "": as scheduler_config.json says
  double eta = 0.0;              // of ddim and tcd
  std::optional<PreviewColours> preview;
};

// Throws Error{invalid_model} for a damaged file, Error{unsupported_model} for an unknown key.
ModelSettings read_model_settings(const std::filesystem::path& folder);

// What the loaded parts allow, to be joined with settings and limits.
struct ModelFacts {
  std::string family;
  int native_side = 0;  // pixels that the model was trained at; 0: not said
  int multiple = 8;     // pixels along one side of what the denoiser takes for one place
  int max_width = 0;    // pixels; 0: no limit of the model's own
  int max_height = 0;
  double no_guidance_until = 1.0;  // up to here a scale means: none
  bool previews = false;           // without colours of its own too
  int max_prompt_tokens = 0;
  std::vector<std::string> samplers;             // the default first
  std::map<std::string, int> sampler_max_steps;  // the most steps that each takes
  std::int64_t latent_channels = 0;
  RequestDefaults defaults;  // of the family
  int max_clip_skip = 0;
  bool negative_prompt = true;     // guidance leads away from one
  bool rescales_guidance = false;  // GenerationParams::guidance_rescale has a meaning
  bool limits_guidance = false;    // cfg_normalization and cfg_truncation have one
};

// Throws Error{invalid_model} when defaults and limits contradict each other.
Capabilities make_capabilities(const ModelSettings& settings, const ModelFacts& facts,
                               const LimitsConfig& limits);

}  // namespace bafa::pipeline
