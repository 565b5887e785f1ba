// The body of POST /v1/images/generations and POST /v1/jobs as a value. Types are exact and nothing
// is wrapped, cut or clamped; what the model allows is checked afterwards by validate(). Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bafa/engine.h"
#include "bafa/request.h"
#include "base/json.h"
#include "image/encode.h"

namespace bafa::http {

enum class ResponseFormat { b64_json, url };

// How the finished pictures are handed over.
struct OutputOptions {
  image::Format format = image::Format::png;
  std::optional<int> compression;  // 0..100, jpeg and webp
  ResponseFormat response_format = ResponseFormat::b64_json;
};

inline constexpr int kMaxPartialImages = 3;

struct GenerationBody {
  GenerateRequest request;
  FieldNames names;  // as this body has them: its width may have come in `size`
  OutputOptions output;
  std::optional<std::string> model;
  std::optional<Priority> priority;
  std::optional<std::chrono::milliseconds> start_timeout;
  std::optional<std::string> request_id;  // an idempotency key
  bool stream = false;
  int partial_images = 0;            // 0..kMaxPartialImages
  std::vector<std::string> ignored;  // known fields that were given and cannot be honoured
  std::string fingerprint;           // a digest: equal for equal documents
};

// What becomes of fields that no interface of bafa knows: OpenAI's clients send extras.
enum class UnknownFields { ignore, refuse };

// Throws Error{invalid_value, missing_field, unknown_field, unsupported_size} naming the field.
GenerationBody read_generation_body(const Json& document, UnknownFields unknown_fields);

// 1..255 visible ASCII characters.
bool is_idempotency_key(std::string_view key);

}  // namespace bafa::http
