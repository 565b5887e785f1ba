// What a caller asks for, before and after it was checked. GenerateRequest is anything that could
// be read from a body or a command line; ValidRequest can only be made by validate(), and nothing
// below http and app checks it again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "bafa/capabilities.h"

namespace bafa {

// Largest seed a caller may give. The generator uses the low 32 bits, as the reference library
// does.
inline constexpr std::int64_t kMaxSeed = INT64_MAX;

// Fields that are absent take the model's default.
struct GenerateRequest {
  std::string prompt;  // UTF-8; may be empty
  std::optional<std::string> negative_prompt;
  std::optional<std::int64_t> width;   // pixels
  std::optional<std::int64_t> height;  // pixels
  std::optional<std::int64_t> steps;
  std::optional<double> guidance_scale;
  std::optional<double> guidance_rescale;   // share of guidance's contrast that is taken back
  std::optional<double> cfg_normalization;  // most that guidance may lengthen a prediction, times
  std::optional<double> cfg_truncation;     // clean share of the way beyond which it is left out
  std::optional<std::int64_t> clip_skip;    // layers left out at the text encoder's end
  std::optional<std::int64_t> seed;         // of the first picture; absent: drawn at random
  std::optional<std::int64_t> count;        // pictures; picture i is painted with seed + i
  std::optional<std::string> sampler;
};

// What the caller calls the fields, for messages: "n" in a body, "--count" on a command line,
// "size" for both sides when they came as "WxH".
struct FieldNames {
  std::string_view prompt = "prompt";
  std::string_view negative_prompt = "negative_prompt";
  std::string_view width = "width";
  std::string_view height = "height";
  std::string_view steps = "steps";
  std::string_view guidance_scale = "guidance_scale";
  std::string_view guidance_rescale = "guidance_rescale";
  std::string_view cfg_normalization = "cfg_normalization";
  std::string_view cfg_truncation = "cfg_truncation";
  std::string_view clip_skip = "clip_skip";
  std::string_view seed = "seed";
  std::string_view count = "n";
  std::string_view sampler = "sampler";
};

// The same with every default filled in and every limit kept. `negative_prompt` is there only when
// it will be used: the model has one and guidance is on.
struct GenerationParams {
  std::string prompt;
  std::optional<std::string> negative_prompt;
  int width = 0;
  int height = 0;
  int steps = 0;
  double guidance_scale = 1.0;
  double guidance_rescale = 0.0;   // 0 without guidance
  double cfg_normalization = 0.0;  // 0: no limit, as without guidance
  double cfg_truncation = 1.0;     // 1: to the end
  int clip_skip = 0;
  std::int64_t seed = 0;
  int count = 1;
  std::string sampler;
};

class ValidRequest {
 public:
  const GenerationParams& params() const noexcept { return params_; }

 private:
  explicit ValidRequest(GenerationParams params) : params_(std::move(params)) {}
  friend ValidRequest validate(const GenerateRequest& request, const Capabilities& capabilities,
                               std::int64_t random_seed, const FieldNames& names);

  GenerationParams params_;
};

// Checks every field against `capabilities` and fills in defaults; `random_seed` (0..2^32-1) is
// used when the request names no seed. Pure. Throws Error{invalid_value, unsupported_size,
// too_many_images, prompt_too_long} naming the field in `param` and the limit in the message.
ValidRequest validate(const GenerateRequest& request, const Capabilities& capabilities,
                      std::int64_t random_seed, const FieldNames& names = {});

}  // namespace bafa
