// The model families that bafa paints with: the only switch on model_index.json's _class_name.
// Called while a model is loaded or described.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/model_index.h"
#include "pipeline/model_settings.h"
#include "pipeline/parts.h"
#include "sampler/load.h"

namespace bafa::pipeline {

// A component that a family must have, and the classes of it that bafa knows.
struct ComponentRule {
  std::string name;
  std::vector<std::string> classes;
};

struct Family {
  std::string_view class_name;
  std::vector<ComponentRule> components;
  std::vector<std::string> unused;  // components that may be there and are not run
  // What the reference's pipeline class makes of scheduler_config.json before it is read.
  sampler::PipelineFix scheduler_fix = sampler::PipelineFix::none;
  // What "auto" means, where the device does not decide it.
  std::optional<at::ScalarType> dtype{};
  std::string_view no_fp16{};  // why it cannot run in fp16; empty: it can
  RequestDefaults defaults{};  // of the reference's pipeline class
  // Everything but the samplers, which every family has in the same way.
  Parts (*load)(const ModelIndex& index, const LoadTarget& target) = nullptr;
};

// Why bafa cannot load this model, from its classes alone; empty when it can.
std::string refusal(const ModelIndex& index);

// Null for a family that bafa does not know.
const Family* find_family(const ModelIndex& index);

// Those of a family that bafa does not know are RequestDefaults' own.
RequestDefaults defaults_of(const ModelIndex& index);

// Whether painting takes the component; of a family that bafa does not know, every one.
bool is_run(const ModelIndex& index, const std::string& component);

// Throws Error{invalid_config} for a family that is known not to run in fp16.
void refuse_fp16(const ModelIndex& index);

// Throws Error{unsupported_model} with the refusal.
const Family& family_of(const ModelIndex& index);

}  // namespace bafa::pipeline
