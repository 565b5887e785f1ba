// The JSON of finished images, in OpenAI's shape with bafa's seeds, timings and real model added.
// Pictures are megabytes of base64, so they are appended to the text beside the JSON library. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "bafa/engine.h"
#include "base/json.h"
#include "http/generation_codec.h"

namespace bafa::http {

// OpenAI's vocabulary for what bafa does not vary.
inline constexpr char kQuality[] = "auto";
inline constexpr char kBackground[] = "opaque";

// One image: its bytes (b64_json) or its address (url).
struct ImageEntry {
  std::string_view content;
  ResponseFormat format = ResponseFormat::b64_json;
  std::int64_t seed = 0;
};

struct ImagesAnswer {
  const JobSnapshot& job;
  std::string_view model;
  image::Format output_format;
  std::span<const ImageEntry> images;
};

std::string images_json(const ImagesAnswer& answer);

Json usage_json(const JobSnapshot& job);

// `fields`, an object, as text with "b64_json" added.
std::string with_picture(const Json& fields, std::string_view encoded);

}  // namespace bafa::http
