#include "http/job_events.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "http/job_codec.h"

namespace bafa::http {
namespace {

constexpr std::uint64_t kQueuedId = 1;
constexpr std::uint64_t kStartedId = 2;

std::uint64_t step_id(int step) { return kStartedId + static_cast<std::uint64_t>(step); }
std::uint64_t end_id(const JobSnapshot& job) { return step_id(job.steps) + 1; }

Json head_of(const JobSnapshot& job, std::string_view status) {
  return {{"id", job.id}, {"status", status}};
}

std::string step_data(const JobSnapshot& job, int step, const EncodedPreview* preview) {
  Json data = head_of(job, to_string(JobState::running));
  data["step"] = step;
  data["steps"] = job.steps;
  if (preview)
    data["preview"] = {{"image_index", preview->image_index},
                       {"step", preview->step},
                       {"width", preview->width},
                       {"height", preview->height},
                       {"output_format", "png"},
                       {"b64_json", preview->png_base64}};
  return data.dump();
}

std::string end_data(const JobSnapshot& job) {
  Json data = head_of(job, to_string(job.state));
  data["seed"] = job.params.seed;
  data["timings"] = to_json(job.timings);
  if (job.state == JobState::succeeded) data["result_url"] = job_path(job.id) + "/result";
  if (job.error) data["error"] = to_json(*job.error);
  return data.dump();
}

}  // namespace

JobEventFeed::JobEventFeed(const JobSnapshot& job, std::uint64_t last_event_id)
    : last_id_(last_event_id > end_id(job) ? 0 : last_event_id) {}

bool JobEventFeed::wants(const JobPreview& preview) const {
  const auto told = told_preview_step_.find(preview.image_index);
  return told == told_preview_step_.end() || told->second < preview.step;
}

std::vector<Event> JobEventFeed::advance(const JobSnapshot& job,
                                         const std::vector<EncodedPreview>& previews) {
  std::vector<Event> events;
  add_queued(events, job);
  if (job.started_at) {
    add(events, kStartedId, "started", head_of(job, to_string(JobState::running)).dump());
    add_steps(events, job, previews);
  }
  if (is_end(job.state)) add(events, end_id(job), std::string(to_string(job.state)), end_data(job));
  return events;
}

bool JobEventFeed::is_over(const JobSnapshot& job) const {
  return is_end(job.state) && last_id_ >= end_id(job);
}

void JobEventFeed::add(std::vector<Event>& events, std::uint64_t id, std::string name,
                       std::string data) {
  if (id <= last_id_) return;
  events.push_back({.name = std::move(name), .data = std::move(data), .id = id});
  last_id_ = id;
}

void JobEventFeed::add_queued(std::vector<Event>& events, const JobSnapshot& job) {
  Json data = head_of(job, to_string(JobState::queued));
  data["position"] = job.position;
  data["eta_seconds"] = rounded_seconds(job.eta_seconds);
  const bool first = last_id_ < kQueuedId;
  const bool moved = job.state == JobState::queued && job.position != told_position_;
  told_position_ = job.position;
  if (first)
    add(events, kQueuedId, "queued", data.dump());
  else if (moved)
    events.push_back({.name = "queued", .data = data.dump(), .id = std::nullopt});
}

void JobEventFeed::add_steps(std::vector<Event>& events, const JobSnapshot& job,
                             const std::vector<EncodedPreview>& previews) {
  auto preview = previews.begin();
  const int told = last_id_ > kStartedId ? static_cast<int>(last_id_ - kStartedId) : 0;
  for (int step = told + 1; step <= job.step; ++step) {
    const bool carries = step == job.step && preview != previews.end();
    add(events, step_id(step), "step", step_data(job, step, carries ? &*preview : nullptr));
    if (carries) ++preview;
  }
  for (; preview != previews.end(); ++preview)
    events.push_back(
        {.name = "step", .data = step_data(job, job.step, &*preview), .id = std::nullopt});
  for (const EncodedPreview& one : previews) told_preview_step_[one.image_index] = one.step;
}

}  // namespace bafa::http
