#include "http/images_response.h"

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "http/base64.h"
#include "http/job_codec.h"

namespace bafa::http {
namespace {

std::string entry_json(const ImageEntry& entry) {
  Json fields = {{"seed", entry.seed}};
  if (entry.format == ResponseFormat::b64_json) return with_picture(fields, entry.content);
  fields["url"] = entry.content;
  return fields.dump();
}

}  // namespace

std::string images_json(const ImagesAnswer& answer) {
  const JobSnapshot& job = answer.job;
  const Json fields = {{"id", job.id},
                       {"created", unix_seconds(job.created_at)},
                       {"model", answer.model},
                       {"size", size_of(job.params)},
                       {"quality", kQuality},
                       {"background", kBackground},
                       {"output_format", image::to_string(answer.output_format)},
                       {"steps", job.params.steps},
                       {"guidance_scale", job.params.guidance_scale},
                       {"prompt_truncated", job.prompt_truncated},
                       {"timings", to_json(job.timings)},
                       {"usage", usage_json(job)}};
  std::string text = fields.dump();
  text.pop_back();
  text += ",\"data\":[";
  for (std::size_t i = 0; i < answer.images.size(); ++i) {
    if (i > 0) text += ',';
    text += entry_json(answer.images[i]);
  }
  text += "]}";
  return text;
}

Json usage_json(const JobSnapshot& job) {
  return {{"input_tokens", job.prompt_tokens},
          {"input_tokens_details", {{"text_tokens", job.prompt_tokens}, {"image_tokens", 0}}},
          {"output_tokens", 0},
          {"total_tokens", job.prompt_tokens}};
}

std::string with_picture(const Json& fields, std::string_view encoded) {
  CHECK(fields.is_object() && !fields.empty());
  std::string text = fields.dump();
  text.pop_back();
  text.reserve(text.size() + base64_length(encoded.size()) + 16);
  text += ",\"b64_json\":\"";
  append_base64(text, encoded);
  text += "\"}";
  return text;
}

}  // namespace bafa::http
