// Tensors to the bytes of a safetensors file. Pure; any thread.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "weights/safetensors.h"

namespace bafa::weights {

struct TensorToWrite {
  std::string name;  // not twice in a file
  StoredType type = StoredType::f32;
  std::vector<std::int64_t> shape{};
  std::span<const std::byte> bytes{};  // little endian, exactly shape times type
};

std::string safetensors_file(std::span<const TensorToWrite> tensors,
                             const std::map<std::string, std::string>& metadata);

}  // namespace bafa::weights
