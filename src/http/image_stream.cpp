#include "http/image_stream.h"

#include <nlohmann/json.hpp>

#include "http/images_response.h"
#include "http/job_codec.h"

namespace bafa::http {
namespace {

constexpr char kPartial[] = "image_generation.partial_image";
constexpr char kCompleted[] = "image_generation.completed";

// The fields that both kinds of event share, without the picture.
Json head_of(const char* type, const JobSnapshot& job, image::Format format, int image_index) {
  Json head = {{"type", type},
               {"created_at", unix_seconds(job.created_at)},
               {"size", size_of(job.params)},
               {"quality", kQuality},
               {"background", kBackground},
               {"output_format", image::to_string(format)}};
  if (job.params.count > 1) head["image_index"] = image_index;
  return head;
}

}  // namespace

bool ImageStream::wants(const JobPreview& preview) const {
  const auto told = told_.find(preview.image_index);
  return told == told_.end() || told->second.step < preview.step;
}

Event ImageStream::partial_image(const JobSnapshot& job, const JobPreview& preview,
                                 std::string_view encoded) {
  Told& told = told_[preview.image_index];
  Json head = head_of(kPartial, job, format_, preview.image_index);
  head["partial_image_index"] = told.count;
  told = {.step = preview.step, .count = told.count + 1};
  return {.name = kPartial, .data = with_picture(head, encoded), .id = std::nullopt};
}

Event ImageStream::completed(const JobSnapshot& job, int image_index,
                             std::string_view encoded) const {
  Json head = head_of(kCompleted, job, format_, image_index);
  head["seed"] = job.params.seed + image_index;
  head["timings"] = to_json(job.timings);
  head["usage"] = usage_json(job);
  return {.name = kCompleted, .data = with_picture(head, encoded), .id = std::nullopt};
}

Event error_event(const ErrorDetails& details) {
  return {.name = "error", .data = error_body(details), .id = std::nullopt};
}

}  // namespace bafa::http
