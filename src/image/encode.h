// Pictures as PNG, JPEG and WebP files. Pure functions, safe from any thread; callers run them on
// encoding threads, never on the device's.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bafa/image.h"

namespace bafa::image {

enum class Format { png, jpeg, webp };

std::string_view to_string(Format format);                  // "png", "jpeg", "webp"
std::string_view media_type(Format format);                 // "image/png", ...
std::optional<Format> parse_format(std::string_view name);  // those names, and "jpg"; lower case

struct EncodeOptions {
  Format format = Format::png;
  std::optional<int> compression;  // JPEG and WebP quality, 0..100; PNG is lossless and has none
};

// The file's bytes; equal pictures and options give equal bytes.
// Throws Error{unsupported_size} for more than the format can hold (JPEG 65535, WebP 16383 pixels a
// side, PNG 1 GiB of pixels) and Error{out_of_memory}.
std::string encode(const Image& image, const EncodeOptions& options);

}  // namespace bafa::image
