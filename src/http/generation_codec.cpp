#include "http/generation_codec.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

namespace bafa::http {
namespace {

constexpr double kMaxTimeoutSeconds = 86400;

[[noreturn]] void refuse(const char* field, const std::string& message,
                         ErrorCode code = ErrorCode::invalid_value) {
  throw Error(code, message, field);
}

// One side of "WxH": ASCII digits only, no sign, no leading zero.
std::optional<std::int64_t> parse_side(std::string_view text) {
  std::int64_t side = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), side);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  if (!whole || side <= 0 || text.front() == '0') return std::nullopt;
  return side;
}

// Two names for one field may both be given when they agree.
template <typename T>
void merge(std::optional<T>& value, std::optional<T> other, const char* field, const char* name) {
  if (value && other && *value != *other)
    refuse(field, std::string(field) + " and " + name + " name different values; send one of them");
  if (!value) value = other;
}

void read_size(ObjectReader& body, GenerateRequest& request, FieldNames& names) {
  request.width = body.integer("width");
  request.height = body.integer("height");
  const auto size = body.string("size");
  if (!size || *size == "auto") return;
  const std::string_view text = *size;
  const auto cross = text.find('x');
  const auto width = parse_side(text.substr(0, cross));
  const auto height = cross == text.npos ? std::nullopt : parse_side(text.substr(cross + 1));
  if (!width || !height)
    refuse("size", "size must be \"auto\" or WIDTHxHEIGHT in pixels, such as \"256x256\"",
           ErrorCode::unsupported_size);
  merge(request.width, width, "width", "size");
  merge(request.height, height, "height", "size");
  names.width = names.height = "size";
}

GenerateRequest read_request(ObjectReader& body, FieldNames& names) {
  GenerateRequest request;
  body.require("prompt");
  request.prompt = body.string("prompt").value();
  request.negative_prompt = body.string("negative_prompt");
  read_size(body, request, names);
  request.steps = body.integer("steps");
  if (!request.steps) names.steps = "num_inference_steps";
  merge(request.steps, body.integer("num_inference_steps"), "steps", "num_inference_steps");
  request.guidance_scale = body.number("guidance_scale");
  request.guidance_rescale = body.number("guidance_rescale");
  request.cfg_normalization = body.number("cfg_normalization");
  request.cfg_truncation = body.number("cfg_truncation");
  request.clip_skip = body.integer("clip_skip");
  request.seed = body.integer("seed");
  request.count = body.integer("n");
  request.sampler = body.string("sampler");
  return request;
}

OutputOptions read_output(ObjectReader& body) {
  OutputOptions output;
  if (const auto name = body.string("output_format")) {
    const auto format = image::parse_format(*name);
    if (!format) refuse("output_format", "output_format must be png, jpeg or webp");
    output.format = *format;
  }
  if (const auto compression = body.integer_in("output_compression", 0, 100))
    output.compression = static_cast<int>(*compression);
  if (const auto name = body.string("response_format")) {
    if (*name != "b64_json" && *name != "url")
      refuse("response_format", "response_format must be b64_json or url");
    output.response_format = *name == "url" ? ResponseFormat::url : ResponseFormat::b64_json;
  }
  return output;
}

std::optional<Priority> read_priority(ObjectReader& body) {
  const auto name = body.string("priority");
  if (!name) return std::nullopt;
  for (const Priority priority : {Priority::low, Priority::normal, Priority::high})
    if (*name == to_string(priority)) return priority;
  refuse("priority", "priority must be low, normal or high");
}

// Seconds, fractions allowed, until the job must have started.
std::optional<std::chrono::milliseconds> read_timeout(ObjectReader& body) {
  const auto seconds = body.number("timeout");
  if (!seconds) return std::nullopt;
  if (!(*seconds > 0) || *seconds > kMaxTimeoutSeconds)
    refuse("timeout", "timeout must be above 0 and at most 86400 seconds");
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(*seconds * 1000)));
}

std::optional<std::string> read_request_id(ObjectReader& body) {
  auto key = body.string("request_id");
  if (key && !is_idempotency_key(*key))
    refuse("request_id", "request_id must be 1 to 255 visible ASCII characters");
  return key;
}

bool is_given(ObjectReader& body, const char* field) {
  const Json* value = body.any(field);
  return value && !value->is_null();
}

std::vector<std::string> ignored_fields(ObjectReader& body, const GenerationBody& read) {
  std::vector<std::string> ignored;
  for (const char* field : {"quality", "style", "background", "moderation", "user"})
    if (is_given(body, field)) ignored.emplace_back(field);
  if (read.output.compression && read.output.format == image::Format::png)
    ignored.emplace_back("output_compression");
  return ignored;
}

// Keys are sorted in a parsed document, so their order and white space in the text do not matter.
std::string fingerprint_of(const Json& document) {
  const std::string text = document.dump();
  return std::to_string(text.size()) + "-" + std::to_string(std::hash<std::string>{}(text));
}

}  // namespace

GenerationBody read_generation_body(const Json& document, UnknownFields unknown_fields) {
  ObjectReader body(document, "");
  GenerationBody read;
  read.request = read_request(body, read.names);
  read.output = read_output(body);
  read.model = body.string("model");
  read.priority = read_priority(body);
  read.start_timeout = read_timeout(body);
  read.request_id = read_request_id(body);
  read.stream = body.boolean("stream").value_or(false);
  read.partial_images =
      static_cast<int>(body.integer_in("partial_images", 0, kMaxPartialImages).value_or(0));
  read.ignored = ignored_fields(body, read);
  if (unknown_fields == UnknownFields::refuse) body.refuse_unread();
  read.fingerprint = fingerprint_of(document);
  return read;
}

bool is_idempotency_key(std::string_view key) {
  return !key.empty() && key.size() <= 255 &&
         std::ranges::all_of(key, [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace bafa::http
