// Checkpoints whose weights are drawn from a rule instead of being kept: a tensor's numbers come
// from a generator that its name seeds, as scripts/golden/z_image.py draws them too.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "support/golden.h"
#include "support/temporary_folder.h"
#include "weights/safetensors_writer.h"

namespace bafa::test {

// FNV-1a, 32 bits.
inline std::uint32_t seed_of(std::string_view name) {
  std::uint32_t value = 0x811c9dc5;
  for (const char c : name) value = (value ^ static_cast<unsigned char>(c)) * 0x01000193;
  return value;
}

inline at::Tensor seeded_numbers(const std::string& name, const std::vector<std::int64_t>& shape) {
  const at::Tensor noise =
      at::randn(shape, at::detail::createCPUGenerator(seed_of(name)), at::kFloat);
  if (shape.size() > 1) {
    const bool table = name.find("embed_tokens") != std::string::npos;
    const double fan_in = table ? 1.0 : static_cast<double>(noise.numel() / shape.front());
    return noise * std::pow(fan_in, -0.5);
  }
  return name.ends_with("weight") ? 0.1 * noise + 1 : 0.1 * noise;
}

// A copy of a fixture in which every list "tensors.txt" of names and shapes has become weights.
class SeededModel {
 public:
  explicit SeededModel(const std::string& fixture) {
    std::filesystem::copy(kGoldenData / fixture, path(), std::filesystem::copy_options::recursive);
    for (const auto& entry : std::filesystem::directory_iterator(path()))
      if (std::filesystem::exists(entry.path() / "tensors.txt")) write_weights(entry.path());
  }

  std::filesystem::path path() const { return folder_.path() / "model"; }

 private:
  static void write_weights(const std::filesystem::path& folder) {
    std::ifstream lines(folder / "tensors.txt");
    std::vector<at::Tensor> numbers;
    std::vector<weights::TensorToWrite> tensors;
    std::string name, sides;
    while (lines >> name >> sides) {
      std::vector<std::int64_t> shape;
      std::istringstream parts(sides);
      for (std::string side; std::getline(parts, side, 'x');) shape.push_back(std::stoll(side));
      numbers.push_back(seeded_numbers(name, shape).contiguous());
      tensors.push_back({.name = name, .shape = shape});
    }
    for (std::size_t i = 0; i < tensors.size(); ++i)
      tensors[i].bytes = {static_cast<const std::byte*>(numbers[i].const_data_ptr()),
                          numbers[i].nbytes()};
    const bool text = folder.filename() == "text_encoder";
    const char* file = text ? "model.safetensors" : "diffusion_pytorch_model.safetensors";
    std::ofstream(folder / file, std::ios::binary) << weights::safetensors_file(tensors, {});
  }

  TemporaryFolder folder_;
};

}  // namespace bafa::test
