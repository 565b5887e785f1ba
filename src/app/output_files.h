// Where `bafa generate` puts its pictures. Pure.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "image/encode.h"

namespace bafa::app {

inline constexpr const char* kStandardOutput = "-";

// The format that the ending names; PNG for standard output and for the default name. Throws
// Error{invalid_value} for another ending, or none.
image::Format format_of(const std::string& output);

struct PictureNumber {
  int index = 0;
  int count = 1;
  std::int64_t first_seed = 0;
};

// apple.png; of several: apple-0.png, apple-1.png, ... numbered alike wide. Without a name:
// bafa-SEED.png with the picture's own seed.
std::filesystem::path output_file(const std::string& output, const PictureNumber& picture);

}  // namespace bafa::app
