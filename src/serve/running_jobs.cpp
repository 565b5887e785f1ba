#include "serve/running_jobs.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace bafa::serve {

ImageStage Picture::stage() const {
  if (!generation) return ImageStage::unbegun;
  return generation->denoised() ? ImageStage::denoised : ImageStage::painting;
}

std::shared_ptr<const JobResult> RunningJob::take_result() {
  auto result = std::make_shared<JobResult>();
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    if (!pictures[i].image) continue;
    result->images.push_back(std::move(*pictures[i].image));
    result->indices.push_back(static_cast<int>(i));
  }
  if (result->images.empty()) return nullptr;
  return result;
}

void RunningJob::count_step(int stepped) {
  ++steps;
  progress.mean_batch += (stepped - progress.mean_batch) / steps;
}

bool RunningJob::complete() const {
  return std::all_of(pictures.begin(), pictures.end(),
                     [](const Picture& picture) { return picture.image.has_value(); });
}

Work RunningJob::remaining() const {
  const Cost& cost = job->spec().cost;
  Work work;
  work.key = cost.batch_key;
  for (const Picture& picture : pictures) {
    if (picture.image) continue;
    ++work.decodes;
    if (!picture.generation) ++work.encodes;
    work.image_steps += cost.steps - (picture.generation ? picture.generation->steps_done() : 0);
  }
  return work;
}

int RunningJob::in_flight() const {
  return static_cast<int>(
      std::count_if(pictures.begin(), pictures.end(),
                    [](const Picture& picture) { return picture.generation != nullptr; }));
}

RunningJob& RunningJobs::add(std::shared_ptr<Job> job) {
  const int count = job->spec().request.params().count;
  RunningJob& added = jobs_.emplace_back();
  added.job = std::move(job);
  added.pictures.resize(static_cast<std::size_t>(count));
  return added;
}

void RunningJobs::remove(std::uint64_t serial) {
  std::erase_if(jobs_, [&](const RunningJob& other) { return other.job->spec().serial == serial; });
  close_lanes();
}

bool RunningJobs::contains(std::uint64_t serial) const {
  return std::any_of(jobs_.begin(), jobs_.end(),
                     [&](const RunningJob& other) { return other.job->spec().serial == serial; });
}

RunningJob& RunningJobs::job(std::uint64_t serial) {
  const auto found = std::find_if(jobs_.begin(), jobs_.end(), [&](const RunningJob& other) {
    return other.job->spec().serial == serial;
  });
  CHECK(found != jobs_.end());
  return *found;
}

Picture& RunningJobs::picture(const ImageRef& image) {
  return job(image.job).pictures.at(static_cast<std::size_t>(image.index));
}

const BatchKey& RunningJobs::key(const ImageRef& image) {
  return job(image.job).job->spec().cost.batch_key;
}

std::vector<Generation*> RunningJobs::generations(std::span<const ImageRef> images) {
  std::vector<Generation*> found;
  for (const ImageRef& image : images) found.push_back(picture(image).generation.get());
  return found;
}

std::vector<std::uint64_t> RunningJobs::jobs_of(std::span<const ImageRef> images) {
  std::vector<std::uint64_t> serials;
  for (const ImageRef& image : images) {
    if (std::find(serials.begin(), serials.end(), image.job) == serials.end()) {
      serials.push_back(image.job);
    }
  }
  return serials;
}

void RunningJobs::describe(Situation& situation) const {
  for (const RunningJob& running : jobs_) {
    const JobSpec& spec = running.job->spec();
    situation.running.push_back(
        {.job = spec.serial, .canceled = running.job->cancel_reason().has_value()});
    for (std::size_t i = 0; i < running.pictures.size(); ++i) {
      const Picture& picture = running.pictures[i];
      if (picture.image) continue;
      situation.images.push_back({.image = {spec.serial, static_cast<int>(i)},
                                  .stage = picture.stage(),
                                  .key = spec.cost.batch_key,
                                  .workspace_bytes = spec.cost.workspace_bytes,
                                  .alone = picture.alone});
    }
  }
  situation.lanes = lanes_;
}

void RunningJobs::open_lane(const BatchKey& key) {
  double least = 0;
  for (const Lane& lane : lanes_) {
    if (lane.key == key) return;
    least = &lane == &lanes_.front() ? lane.device_seconds : std::min(least, lane.device_seconds);
  }
  lanes_.push_back({.key = key, .device_seconds = least, .last_turn = 0});
}

void RunningJobs::charge_lane(const BatchKey& key, double device_seconds) {
  for (Lane& lane : lanes_) {
    if (!(lane.key == key)) continue;
    lane.device_seconds += device_seconds;
    lane.last_turn = ++turns_;
  }
}

double RunningJobs::remaining_seconds(const Pace& pace) const {
  double seconds = 0;
  for (const RunningJob& running : jobs_) seconds += pace.seconds(running.remaining());
  return seconds;
}

double RunningJobs::remaining_seconds(const RunningJob& job, const Pace& pace) const {
  int in_flight = 0;
  for (const RunningJob& running : jobs_) in_flight += running.in_flight();
  const double slowed_by =
      static_cast<double>(std::max(in_flight, 1)) / std::max(job.in_flight(), 1);
  return std::min(remaining_seconds(pace), pace.seconds(job.remaining()) * slowed_by);
}

void RunningJobs::close_lanes() {
  std::erase_if(lanes_, [&](const Lane& lane) {
    return std::none_of(jobs_.begin(), jobs_.end(), [&](const RunningJob& running) {
      return running.job->spec().cost.batch_key == lane.key;
    });
  });
}

}  // namespace bafa::serve
