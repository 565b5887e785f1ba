#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "pipeline/families/family.h"
#include "pipeline/load.h"
#include "pipeline/model_index.h"
#include "pipeline/model_settings.h"
#include "weights/checkpoint.h"

namespace bafa::pipeline {
namespace {

std::uint64_t elements(const weights::StoredTensor& tensor) {
  return (tensor.end - tensor.begin) / weights::size_bytes(tensor.type);
}

ComponentDescription describe_component(const ModelIndex& index, const std::string& name,
                                        const Component& component) {
  ComponentDescription description{
      .name = name, .library = component.library, .class_name = component.class_name};
  description.is_run = is_run(index, name);
  const std::string stem = weights_stem(name, component);
  if (stem.empty()) return description;
  if (!description.is_run && !std::filesystem::exists(index.folder / name)) return description;
  const weights::Checkpoint checkpoint(index.folder / name, stem);
  description.tensors = checkpoint.tensors().size();
  description.weights_bytes = checkpoint.total_bytes();
  for (const auto& [tensor_name, tensor] : checkpoint.tensors())
    description.parameters += elements(tensor.stored);
  return description;
}

}  // namespace

ModelDescription describe(const std::filesystem::path& model) {
  const ModelIndex index = read_model_index(model);
  ModelDescription description{.name = read_model_settings(model).name, .family = index.family};
  for (const auto& [name, component] : index.components) {
    description.components.push_back(describe_component(index, name, component));
    description.weights_bytes += description.components.back().weights_bytes;
  }
  description.refusal = refusal(index);
  return description;
}

}  // namespace bafa::pipeline
