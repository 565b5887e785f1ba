// Random weights for testing layers one by one: a safetensors file in a temporary folder, opened as
// a WeightScope. Keeps what it wrote, so that a test can compute what it expects from the same
// numbers.
#pragma once

#include <ATen/ATen.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "weights/weight_map.h"

namespace bafa::test {

class LayerWeights {
 public:
  // Adds a normally distributed tensor; its numbers hang on its name alone.
  LayerWeights& add(const std::string& name, std::vector<std::int64_t> shape, double scale = 0.3) {
    at::Generator generator = at::detail::createCPUGenerator(std::hash<std::string>{}(name));
    tensors_[name] = at::randn(shape, generator, at::kFloat).mul_(scale);
    return *this;
  }

  LayerWeights& linear(const std::string& name, std::int64_t in, std::int64_t out,
                       bool bias = true) {
    add(name + ".weight", {out, in});
    return bias ? add(name + ".bias", {out}) : *this;
  }

  LayerWeights& conv(const std::string& name, std::int64_t in, std::int64_t out,
                     std::int64_t kernel, bool bias = true) {
    add(name + ".weight", {out, in, kernel, kernel});
    return bias ? add(name + ".bias", {out}) : *this;
  }

  // Scales about 1, as trained norms have.
  LayerWeights& norm(const std::string& name, std::int64_t channels) {
    add(name + ".weight", {channels}).add(name + ".bias", {channels});
    tensors_[name + ".weight"].add_(1);
    return *this;
  }

  const at::Tensor& operator[](const std::string& name) const { return tensors_.at(name); }

  // A checkpoint of these weights, opened in a dtype; the file goes when this does.
  class Opened {
   public:
    Opened(const LayerWeights& weights, at::ScalarType dtype, weights::Component* component)
        : file_(write(weights)),
          map_(weights::Checkpoint(file_), {.dtype = dtype, .component = component}) {}
    ~Opened() { std::filesystem::remove(file_); }
    Opened(const Opened&) = delete;
    Opened& operator=(const Opened&) = delete;

    weights::WeightScope root() { return map_.root(); }
    void finish() const { map_.finish(); }  // throws when a layer left one unused

   private:
    static std::filesystem::path write(const LayerWeights& weights) {
      std::string name = (std::filesystem::temp_directory_path() / "bafa-layer-XXXXXX").string();
      ::close(::mkstemp(name.data()));
      weights.write(name);
      return name;
    }

    std::filesystem::path file_;
    weights::WeightMap map_;
  };

  Opened open(at::ScalarType dtype = at::kFloat, weights::Component* component = nullptr) const {
    return Opened(*this, dtype, component);
  }

 private:
  void write(const std::filesystem::path& path) const {
    nlohmann::json header = nlohmann::json::object();
    std::size_t offset = 0;
    for (const auto& [name, tensor] : tensors_) {
      header[name] = {{"dtype", "F32"},
                      {"shape", tensor.sizes().vec()},
                      {"data_offsets", {offset, offset + tensor.nbytes()}}};
      offset += tensor.nbytes();
    }
    const std::string text = header.dump();
    const std::uint64_t length = text.size();
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(&length), sizeof length);
    file << text;
    for (const auto& [name, tensor] : tensors_) {
      file.write(static_cast<const char*>(tensor.const_data_ptr()),
                 static_cast<std::streamsize>(tensor.nbytes()));
    }
  }

  std::map<std::string, at::Tensor> tensors_;
};

// A seeded normal tensor [shape].
inline at::Tensor noise(std::vector<std::int64_t> shape, std::uint64_t seed = 1) {
  return at::randn(shape, at::detail::createCPUGenerator(seed), at::kFloat);
}

inline at::Tensor channels_last_noise(std::vector<std::int64_t> shape, std::uint64_t seed = 1) {
  return noise(std::move(shape), seed).contiguous(at::MemoryFormat::ChannelsLast);
}

// |a - b| / |b|, both as vectors; infinite when the shapes differ or a number is not finite.
inline double relative_error(const at::Tensor& actual, const at::Tensor& expected) {
  if (actual.sizes() != expected.sizes() || !actual.isfinite().all().item<bool>()) {
    return std::numeric_limits<double>::infinity();
  }
  const at::Tensor difference = actual.to(at::kDouble) - expected.to(at::kDouble);
  return difference.norm().item<double>() / expected.to(at::kDouble).norm().item<double>();
}

inline constexpr double kFp32Error = 1e-6;  // one layer, other order of summation
inline constexpr double kBf16Error = 8e-3;  // one layer, input and output rounded to 8 bits

}  // namespace bafa::test
