// Writes the protobuf bytes of small sentencepiece models: fields with numbers below 16, contents
// below 128 bytes.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace bafa::test {

inline std::string bytes_field(int number, std::string_view content) {
  std::string bytes{static_cast<char>(number << 3 | 2), static_cast<char>(content.size())};
  return bytes.append(content);
}

inline std::string number_field(int number, int value) {
  return {static_cast<char>(number << 3), static_cast<char>(value)};
}

inline std::string float_field(int number, float value) {
  std::string bytes(1, static_cast<char>(number << 3 | 5));
  for (int shift = 0; shift < 32; shift += 8)
    bytes += static_cast<char>(std::bit_cast<std::uint32_t>(value) >> shift);
  return bytes;
}

// Kinds: 1 normal, 2 unknown, 3 control, 4 user-defined.
inline std::string piece_field(std::string_view text, float score, int kind = 1) {
  return bytes_field(1, bytes_field(1, text) + float_field(2, score) + number_field(3, kind));
}

}  // namespace bafa::test
