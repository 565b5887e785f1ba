#include "weights/safetensors.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "bafa/error.h"
#include "base/json.h"
#include "base/text.h"

namespace bafa::weights {
namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kMaxDimensions = 16;

struct TypeRow {
  StoredType type;
  std::string_view name;
  std::size_t bytes;
};

constexpr std::array<TypeRow, 15> kTypes{{
    {StoredType::boolean, "BOOL", 1},
    {StoredType::u8, "U8", 1},
    {StoredType::i8, "I8", 1},
    {StoredType::f8_e4m3, "F8_E4M3", 1},
    {StoredType::f8_e5m2, "F8_E5M2", 1},
    {StoredType::u16, "U16", 2},
    {StoredType::i16, "I16", 2},
    {StoredType::f16, "F16", 2},
    {StoredType::bf16, "BF16", 2},
    {StoredType::u32, "U32", 4},
    {StoredType::i32, "I32", 4},
    {StoredType::f32, "F32", 4},
    {StoredType::u64, "U64", 8},
    {StoredType::i64, "I64", 8},
    {StoredType::f64, "F64", 8},
}};

const TypeRow& row_of(StoredType type) {
  return *std::find_if(kTypes.begin(), kTypes.end(),
                       [type](const TypeRow& row) { return row.type == type; });
}

[[noreturn]] void refuse(const std::string& source, const std::string& what) {
  throw Error(ErrorCode::invalid_model, source + ": " + what, source);
}

std::uint64_t little_endian_u64(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = kLengthBytes; i-- > 0;)
    value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  return value;
}

// Bytes of the whole tensor, or nullopt when a dimension is negative or the product overflows.
std::optional<std::size_t> total_bytes(const std::vector<std::int64_t>& shape, StoredType type) {
  std::uint64_t total = size_bytes(type);
  for (const std::int64_t size : shape) {
    if (size < 0) return std::nullopt;
    if (__builtin_mul_overflow(total, static_cast<std::uint64_t>(size), &total))
      return std::nullopt;
  }
  if (total > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return std::nullopt;
  return static_cast<std::size_t>(total);
}

StoredType parse_type(const std::string& name, const std::string& source,
                      const std::string& tensor) {
  for (const TypeRow& row : kTypes)
    if (row.name == name) return row.type;
  refuse(source, "tensor " + tensor + " has the unknown data type " + printable(name));
}

struct DataArea {
  std::size_t begin;  // of the file
  std::size_t size;
};

StoredTensor parse_tensor(const std::string& name, const Json& json, DataArea area,
                          const std::string& source) {
  const std::string shown = printable(name, 128);
  ObjectReader reader(json, source + ": " + shown, ErrorCode::invalid_model);
  for (const char* key : {"dtype", "shape", "data_offsets"}) reader.require(key);
  StoredTensor tensor;
  tensor.type = parse_type(*reader.string("dtype"), source, shown);
  tensor.shape = *reader.integers("shape");
  const std::vector<std::int64_t> offsets = *reader.integers("data_offsets");
  reader.refuse_unread();

  if (tensor.shape.size() > kMaxDimensions)
    refuse(source, "tensor " + shown + " has more than 16 dimensions");
  const std::optional<std::size_t> bytes = total_bytes(tensor.shape, tensor.type);
  if (!bytes) refuse(source, "tensor " + shown + " has an impossible shape");
  if (offsets.size() != 2 || offsets[0] < 0 || offsets[1] < offsets[0])
    refuse(source, "tensor " + shown + " has impossible data_offsets");
  const auto begin = static_cast<std::size_t>(offsets[0]);
  const auto end = static_cast<std::size_t>(offsets[1]);
  if (end > area.size)
    refuse(source, "tensor " + shown + " ends at byte " + std::to_string(end) + " of " +
                       std::to_string(area.size) +
                       ": the file is cut off or damaged; fetch it again");
  if (end - begin != *bytes)
    refuse(source, "tensor " + shown + " takes " + std::to_string(end - begin) +
                       " bytes where its shape and type need " + std::to_string(*bytes));
  tensor.begin = area.begin + begin;
  tensor.end = area.begin + end;
  return tensor;
}

void parse_metadata(const Json& json, SafetensorsHeader& header, const std::string& source) {
  if (!json.is_object()) refuse(source, "__metadata__ is not an object");
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) refuse(source, "__metadata__ holds something that is not a string");
    header.metadata.emplace(key, value.get<std::string>());
  }
}

// Sorted by place, every tensor must begin where the one before ended.
void check_cover(const SafetensorsHeader& header, DataArea area, const std::string& source) {
  std::vector<std::pair<std::size_t, std::size_t>> spans;
  spans.reserve(header.tensors.size());
  for (const auto& [name, tensor] : header.tensors) spans.emplace_back(tensor.begin, tensor.end);
  std::sort(spans.begin(), spans.end());
  std::size_t covered = area.begin;
  for (const auto& [begin, end] : spans) {
    if (begin < covered) refuse(source, "two tensors overlap");
    if (begin > covered) refuse(source, "there is a hole between two tensors");
    covered = end;
  }
  if (covered != area.begin + area.size)
    refuse(source,
           "bytes are left over after the last tensor: the file is damaged; fetch it again");
}

}  // namespace

std::size_t size_bytes(StoredType type) { return row_of(type).bytes; }

std::string_view to_string(StoredType type) { return row_of(type).name; }

SafetensorsHeader parse_safetensors(std::span<const std::byte> file, const std::string& source) {
  if (file.size() < kLengthBytes)
    refuse(source, "too short for a safetensors file; fetch it again");
  const std::uint64_t length = little_endian_u64(file);
  if (length > file.size() - kLengthBytes)
    refuse(source, "not a safetensors file, or cut off (its header would be " +
                       std::to_string(length) + " bytes long); fetch it again");
  if (length > kMaxHeaderBytes)
    refuse(source, "its header is longer than " + std::to_string(kMaxHeaderBytes) + " bytes");

  const std::string_view text(reinterpret_cast<const char*>(file.data()) + kLengthBytes,
                              static_cast<std::size_t>(length));
  const Json json = parse_json(text, {.max_bytes = kMaxHeaderBytes,
                                      .max_depth = 4,
                                      .source = source,
                                      .error = ErrorCode::invalid_model});
  if (!json.is_object()) refuse(source, "its header is not a JSON object");

  const DataArea area{kLengthBytes + text.size(), file.size() - kLengthBytes - text.size()};
  SafetensorsHeader header;
  for (const auto& [name, value] : json.items()) {
    if (name == "__metadata__")
      parse_metadata(value, header, source);
    else
      header.tensors.emplace(name, parse_tensor(name, value, area, source));
  }
  check_cover(header, area, source);
  return header;
}

}  // namespace bafa::weights
