// The header of a safetensors file: what tensors it says to hold, checked against the bytes that
// are there. Pure: reads a span of bytes, keeps none of it. Any thread. Format:
// https://huggingface.co/docs/safetensors (8 bytes of length, JSON, tensor bytes).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bafa::weights {

enum class StoredType {
  boolean,
  u8,
  i8,
  f8_e4m3,
  f8_e5m2,
  u16,
  i16,
  f16,
  bf16,
  u32,
  i32,
  f32,
  u64,
  i64,
  f64
};

std::size_t size_bytes(StoredType type);      // of one element
std::string_view to_string(StoredType type);  // as the format spells it: "BF16"

struct StoredTensor {
  StoredType type = StoredType::f32;
  std::vector<std::int64_t> shape;  // empty: one element
  std::size_t begin = 0;            // bytes from the start of the file
  std::size_t end = 0;
};

struct SafetensorsHeader {
  std::map<std::string, StoredTensor, std::less<>> tensors;
  std::map<std::string, std::string, std::less<>> metadata;
};

// A longer header is refused before it is read: the JSON tree takes about ten times its bytes.
inline constexpr std::size_t kMaxHeaderBytes = 16 << 20;

// `file` is the whole file, `source` its name in messages. Holds afterwards: every tensor lies
// within the file (at any alignment), end - begin is exactly shape times type, no two tensors
// overlap and no byte is left over. Throws Error{invalid_model} otherwise.
SafetensorsHeader parse_safetensors(std::span<const std::byte> file, const std::string& source);

}  // namespace bafa::weights
