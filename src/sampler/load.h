// The one table of samplers: from names and the classes of scheduler_config.json to their makers.
// Called while a model is loaded.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sampler/sampler.h"

namespace bafa::sampler {

std::vector<std::string> names();        // "euler", ...: what a request may be painted with
std::vector<std::string> class_names();  // "EulerDiscreteScheduler", ...: of the reference
std::vector<std::string> spacing_names();

// What the reference's pipeline classes do whatever the JSON says: two keys that older ones set
enum class PipelineFix {
  none,
  offset_one_and_no_clipping,
  sigmas_in_fp32,  // and one that is spaced in fp32 before flow matching shifts it
};

struct LoadOptions {
  std::string name{};              // of the default sampler; "": the one of the JSON's class
  std::string timestep_spacing{};  // in the place of the JSON's; "": as it says
  double eta = 0.0;                // 0..1, of ddim and tcd: how much noise is fresh
  PipelineFix fix = PipelineFix::none;
};

// Everything that a model with this scheduler_config.json can be painted with, its default first:
// only flow_match_euler for one that predicts a flow, all others for one that predicts noise, but
// for those of which bafa lacks an option that the JSON sets. `class_name` is model_index.json's.
// Each reads the same JSON and takes the keys that its class has, as the reference does.
// Throws Error{invalid_model, unsupported_model} naming the key that stops the default.
std::vector<std::unique_ptr<Sampler>> load_samplers(const std::filesystem::path& json,
                                                    std::string_view class_name,
                                                    const LoadOptions& options);

}  // namespace bafa::sampler
