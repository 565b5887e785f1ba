// How layers get their weights. A layer's constructor takes a WeightScope, asks it for each tensor
// by name and shape, and gets it in the run dtype on the run device. Problems are collected, so
// that one run tells all of them: WeightMap::finish() throws the list. One thread, while a network
// is built. While it lives it takes little more than the tensors given out: a file's pages leave
// memory as soon as they were copied, and so does what layers free.
//
//   WeightMap map(Checkpoint(folder, "diffusion_pytorch_model"), {.dtype = at::kBFloat16});
//   UNet unet(config, map.root());      // inside: scope / "resnets" / 0 / "conv1"
//   map.finish();
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weights/checkpoint.h"
#include "weights/weight.h"

namespace bafa::weights {

class WeightScope;

struct WeightOptions {
  at::ScalarType dtype = at::kFloat;  // floating tensors are converted to it one by one
  at::Device device = at::kCPU;  // kMeta: names, shapes and types are checked and nothing is read
  std::vector<std::string> ignored;  // names that may stay unused; one '*' stands for anything
  // Applied to each name of the file: legacy names, a prefix to drop. Empty: names as they are.
  std::function<std::string(const std::string&)> rename;
  Component* component = nullptr;  // that the weights belong to; null: they stay on the device
};

class WeightMap {
 public:
  WeightMap(Checkpoint checkpoint, WeightOptions options);
  ~WeightMap();
  WeightMap(const WeightMap&) = delete;
  WeightMap& operator=(const WeightMap&) = delete;

  // Valid while the map lives.
  WeightScope root();

  // Throws Error{invalid_model} when a tensor was missing, wrongly shaped, of a type that does not
  // convert, or never asked for: counts, and the first ten names of each. No tensor may be used
  // before it returned.
  void finish() const;

  std::uint64_t loaded_bytes() const;  // of the tensors given out, in the run dtype

 private:
  friend class WeightScope;
  struct State;
  std::unique_ptr<State> state_;
};

// A prefix of names: "down_blocks.0.resnets.1". A small value, to be passed by value.
class WeightScope {
 public:
  WeightScope operator/(std::string_view name) const;
  WeightScope operator/(std::int64_t index) const;

  // The tensor `name` here, owned (never a view of the file). A missing or wrong one is noted and a
  // stand-in of zeros without memory of its own is returned, so that construction goes on.
  // `dtype` overrides the run dtype (an fp32 island).
  at::Tensor tensor(std::string_view name, at::IntArrayRef shape,
                    std::optional<at::ScalarType> dtype = std::nullopt) const;

  // The same as a weight of the component.
  Weight weight(std::string_view name, at::IntArrayRef shape,
                std::optional<at::ScalarType> dtype = std::nullopt) const;

  // What a layer has made of tensors that it got here: joined, packed. Undefined: so is the weight.
  Weight keep(const at::Tensor& tensor) const;

  // The longest prefix of both.
  WeightScope common(const WeightScope& other) const;

  // Whether the checkpoint has `name` here. For formats with two spellings only: what exists is
  // decided by the config, never by the weights.
  bool contains(std::string_view name) const;

  std::string name_of(std::string_view name) const;  // full name, for messages
  at::ScalarType dtype() const;                      // the run dtype
  at::Device device() const;

 private:
  friend class WeightMap;
  WeightScope(WeightMap::State& state, std::string prefix)
      : state_(&state), prefix_(std::move(prefix)) {}

  WeightMap::State* state_;
  std::string prefix_;
};

}  // namespace bafa::weights
