// Any bytes as a safetensors file: refused or understood, and what is understood lies within the
// file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "bafa/error.h"
#include "weights/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> file(data, size);
  try {
    const auto header = bafa::weights::parse_safetensors(std::as_bytes(file), "fuzz");
    std::size_t covered = 8;
    for (const auto& [name, tensor] : header.tensors) {
      if (tensor.begin < 8 || tensor.end < tensor.begin || tensor.end > size) std::abort();
      covered += tensor.end - tensor.begin;
    }
    if (covered > size) std::abort();
  } catch (const bafa::Error& error) {
    if (error.code() != bafa::ErrorCode::invalid_model) std::abort();
  }
  return 0;
}
