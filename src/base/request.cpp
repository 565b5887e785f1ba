#include "bafa/request.h"

#include <algorithm>
#include <cmath>

#include "bafa/error.h"
#include "base/text.h"

namespace bafa {
namespace {

struct Field {
  std::string_view name;
  ErrorCode code = ErrorCode::invalid_value;
};

[[noreturn]] void refuse(const Field& field, const std::string& message) {
  throw Error(field.code, std::string(field.name) + " " + message, std::string(field.name));
}

// Shortest form that a person would write: 7.5, not 7.500000.
std::string shown(double value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

int checked_integer(const Field& field, std::optional<std::int64_t> value,
                    const Range<int>& range) {
  if (!value) return range.fallback;
  if (*value < range.min || *value > range.max) {
    refuse(field, "is " + std::to_string(*value) + "; it must be from " +
                      std::to_string(range.min) + " to " + std::to_string(range.max));
  }
  return static_cast<int>(*value);
}

int checked_side(std::string_view name, std::optional<std::int64_t> value, const Range<int>& range,
                 int multiple) {
  const Field field{name, ErrorCode::unsupported_size};
  const int side = checked_integer(field, value, range);
  if (side % multiple != 0) {
    refuse(field, "has a side of " + std::to_string(side) + " pixels; sides must be multiples of " +
                      std::to_string(multiple) + " from " + std::to_string(range.min) + " to " +
                      std::to_string(range.max));
  }
  return side;
}

void check_pixels(const GenerationParams& params, std::int64_t max_pixels,
                  const FieldNames& names) {
  const std::int64_t pixels = std::int64_t{params.width} * params.height;
  if (max_pixels == 0 || pixels <= max_pixels) return;
  refuse({names.width, ErrorCode::unsupported_size},
         "makes a picture of " + std::to_string(params.width) + "x" +
             std::to_string(params.height) + ", " + std::to_string(pixels) + " pixels; at most " +
             std::to_string(max_pixels) + " are allowed");
}

void check_text(std::string_view name, const std::string& text, std::size_t max_bytes) {
  if (text.size() > max_bytes) {
    refuse({name, ErrorCode::prompt_too_long}, "has " + std::to_string(text.size()) +
                                                   " bytes; at most " + std::to_string(max_bytes) +
                                                   " are allowed");
  }
  if (!is_utf8(text)) refuse({name}, "must be UTF-8");
}

double checked_number(std::string_view name, std::optional<double> value,
                      const Range<double>& range) {
  if (!value) return range.fallback;
  if (!std::isfinite(*value) || !range.contains(*value)) {
    refuse({name}, "must be a number from " + shown(range.min) + " to " + shown(range.max));
  }
  return *value;
}

int checked_count(std::string_view name, std::optional<std::int64_t> value,
                  const Range<int>& range) {
  const bool too_many = value && *value > range.max;
  return checked_integer({name, too_many ? ErrorCode::too_many_images : ErrorCode::invalid_value},
                         value, range);
}

// The last picture's seed must be a number too, hence the distance from the end.
std::int64_t checked_seed(std::string_view name, std::int64_t seed, int count) {
  const std::int64_t max = kMaxSeed - (count - 1);
  if (seed < 0 || seed > max) {
    refuse({name}, "must be an integer from 0 to " + std::to_string(max));
  }
  return seed;
}

std::string checked_sampler(std::string_view name, const std::optional<std::string>& sampler,
                            const std::vector<std::string>& known) {
  if (!sampler) return known.empty() ? std::string() : known.front();
  if (std::ranges::find(known, *sampler) != known.end()) return *sampler;
  std::string list;
  for (const std::string& one : known) list += (list.empty() ? "" : ", ") + one;
  refuse({name}, "must be one of: " + list);
}

void check_sampler_steps(const GenerationParams& params, const Capabilities& capabilities,
                         const FieldNames& names) {
  const auto limit = capabilities.sampler_max_steps.find(params.sampler);
  if (limit == capabilities.sampler_max_steps.end() || params.steps <= limit->second) return;
  refuse({names.steps}, "is " + std::to_string(params.steps) + "; with the sampler " +
                            params.sampler + " it must be from 1 to " +
                            std::to_string(limit->second));
}

}  // namespace

ValidRequest validate(const GenerateRequest& request, const Capabilities& capabilities,
                      std::int64_t random_seed, const FieldNames& names) {
  check_text(names.prompt, request.prompt, capabilities.max_prompt_bytes);
  if (request.negative_prompt) {
    check_text(names.negative_prompt, *request.negative_prompt, capabilities.max_prompt_bytes);
  }
  const SizeLimits& size = capabilities.size;
  GenerationParams params;
  params.prompt = request.prompt;
  params.width = checked_side(names.width, request.width, size.width, size.multiple);
  params.height = checked_side(names.height, request.height, size.height, size.multiple);
  check_pixels(params, size.max_pixels, names);
  params.steps = checked_integer({names.steps}, request.steps, capabilities.steps);
  params.guidance_scale =
      checked_number(names.guidance_scale, request.guidance_scale, capabilities.guidance_scale);
  const double rescale = checked_number(names.guidance_rescale, request.guidance_rescale,
                                        capabilities.guidance_rescale);
  const double normalization = checked_number(names.cfg_normalization, request.cfg_normalization,
                                              capabilities.cfg_normalization);
  const double truncation =
      checked_number(names.cfg_truncation, request.cfg_truncation, capabilities.cfg_truncation);
  params.clip_skip = checked_integer({names.clip_skip}, request.clip_skip, capabilities.clip_skip);
  params.count = checked_count(names.count, request.count, capabilities.images);
  params.seed = checked_seed(names.seed, request.seed.value_or(random_seed), params.count);
  params.sampler = checked_sampler(names.sampler, request.sampler, capabilities.samplers);
  check_sampler_steps(params, capabilities, names);
  if (capabilities.negative_prompt && params.guidance_scale > capabilities.no_guidance_until) {
    params.guidance_rescale = rescale;
    params.cfg_normalization = normalization;
    params.cfg_truncation = truncation;
    params.negative_prompt = request.negative_prompt;
  }
  return ValidRequest(std::move(params));
}

}  // namespace bafa
