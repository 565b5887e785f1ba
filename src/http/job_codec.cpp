#include "http/job_codec.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "http/error_response.h"

namespace bafa::http {
namespace {

Json optional_time(const std::optional<WallTime>& time) {
  return time ? Json(unix_seconds(*time)) : Json();
}

Json params_json(const GenerationParams& params) {
  Json json = {{"prompt", params.prompt},
               {"width", params.width},
               {"height", params.height},
               {"steps", params.steps},
               {"guidance_scale", params.guidance_scale},
               {"guidance_rescale", params.guidance_rescale},
               {"cfg_normalization", params.cfg_normalization},
               {"cfg_truncation", params.cfg_truncation},
               {"clip_skip", params.clip_skip},
               {"seed", params.seed},
               {"n", params.count},
               {"sampler", params.sampler}};
  json["negative_prompt"] = params.negative_prompt ? Json(*params.negative_prompt) : Json();
  return json;
}

}  // namespace

Json to_json(const JobSnapshot& job, JobDetail detail) {
  Json json = {{"id", job.id},
               {"object", "job"},
               {"status", to_string(job.state)},
               {"position", job.position},
               {"eta_seconds", rounded_seconds(job.eta_seconds)},
               {"step", job.step},
               {"steps", job.steps},
               {"attempts", job.attempts},
               {"seed", job.params.seed},
               {"n", job.params.count},
               {"size", size_of(job.params)},
               {"created_at", unix_seconds(job.created_at)},
               {"started_at", optional_time(job.started_at)},
               {"finished_at", optional_time(job.finished_at)},
               {"prompt_tokens", job.prompt_tokens},
               {"prompt_truncated", job.prompt_truncated},
               {"timings", to_json(job.timings)}};
  json["phase"] = job.state == JobState::running ? Json(to_string(job.phase)) : Json();
  json["error"] = job.error ? to_json(*job.error) : Json();
  if (detail == JobDetail::params) json["params"] = params_json(job.params);
  return json;
}

Json to_json(const JobError& error) { return error_object(details_of(error)); }

Json to_json(const JobTimings& timings) {
  return {{"queue_wait_seconds", rounded_seconds(timings.queue_wait_seconds)},
          {"encode_seconds", rounded_seconds(timings.encode_seconds)},
          {"denoise_seconds", rounded_seconds(timings.denoise_seconds)},
          {"decode_seconds", rounded_seconds(timings.decode_seconds)}};
}

Json accepted_json(const JobSnapshot& job) {
  const std::string path = job_path(job.id);
  return {{"id", job.id},
          {"object", "job"},
          {"status", to_string(job.state)},
          {"position", job.position},
          {"eta_seconds", rounded_seconds(job.eta_seconds)},
          {"seed", job.params.seed},
          {"status_url", path},
          {"result_url", path + "/result"},
          {"events_url", path + "/events"},
          {"cancel_url", path + "/cancel"}};
}

std::string job_path(const JobId& id) { return "/v1/jobs/" + id; }

std::int64_t unix_seconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

double rounded_seconds(double seconds) { return std::round(seconds * 1000) / 1000; }

std::string size_of(const GenerationParams& params) {
  return std::to_string(params.width) + "x" + std::to_string(params.height);
}

}  // namespace bafa::http
