#include "serve/admission.h"

#include <algorithm>

#include "base/check.h"

namespace bafa::serve {

namespace {

std::vector<Drop> choose_drops(const Situation& situation) {
  std::vector<Drop> drops;
  const bool draining = situation.running_until.has_value();
  const bool out_of_time = draining && *situation.running_until <= situation.now;
  for (const RunningJobView& job : situation.running) {
    if (job.canceled) {
      drops.push_back({job.job, DropReason::canceled});
    } else if (out_of_time) {
      drops.push_back({job.job, DropReason::draining});
    }
  }
  for (const WaitingJobView& job : situation.waiting) {
    if (draining) {
      drops.push_back({job.job, DropReason::draining});
    } else if (job.start_deadline && *job.start_deadline <= situation.now) {
      drops.push_back({job.job, DropReason::expired});
    }
  }
  return drops;
}

// The situation once the drops are carried out.
Situation without(Situation situation, const std::vector<Drop>& drops) {
  const auto dropped = [&](std::uint64_t job) {
    return std::any_of(drops.begin(), drops.end(),
                       [&](const Drop& drop) { return drop.job == job; });
  };
  std::erase_if(situation.images, [&](const auto& image) { return dropped(image.image.job); });
  std::erase_if(situation.waiting, [&](const auto& job) { return dropped(job.job); });
  return situation;
}

// The oldest picture at `stage` for which `eligible` holds, with all that may share its call. One
// that must be alone goes first, so that the rest of its batch is not led on without it.
template <typename Eligible>
std::vector<ImageRef> oldest_batch(const Situation& situation, ImageStage stage, int max_batch,
                                   Eligible eligible) {
  std::vector<ImageRef> batch;
  const RunningImage* first = nullptr;
  for (const RunningImage& image : situation.images) {
    if (image.stage != stage || !eligible(image)) continue;
    if (image.alone) return {image.image};
    if (first == nullptr) first = &image;
    if (image.key == first->key && static_cast<int>(batch.size()) < max_batch) {
      batch.push_back(image.image);
    }
  }
  return batch;
}

// Room for pictures in flight, filled picture by picture.
class Room {
 public:
  Room(const Situation& situation, const AdmissionLimits& limits) : limits_(limits) {
    for (const RunningImage& image : situation.images) {
      if (image.stage != ImageStage::unbegun) take(image.workspace_bytes);
    }
  }

  // An empty device takes any picture: what can never fit was refused at the door.
  bool fits(std::uint64_t workspace_bytes) const {
    if (images_ == 0) return true;
    if (images_ >= limits_.max_batch) return false;
    return limits_.workspace_bytes == 0 ||
           workspace_bytes_ + workspace_bytes <= limits_.workspace_bytes;
  }

  void take(std::uint64_t workspace_bytes) {
    ++images_;
    workspace_bytes_ += workspace_bytes;
  }

 private:
  const AdmissionLimits& limits_;
  int images_ = 0;
  std::uint64_t workspace_bytes_ = 0;
};

std::vector<ImageRef> choose_begin(const Situation& situation, const AdmissionLimits& limits) {
  std::vector<ImageRef> batch;
  Room room(situation, limits);
  for (const RunningImage& image : situation.images) {
    if (image.stage != ImageStage::unbegun) continue;
    if (!room.fits(image.workspace_bytes)) return batch;
    if (image.alone && !batch.empty()) return batch;
    room.take(image.workspace_bytes);
    batch.push_back(image.image);
    if (image.alone) return batch;
  }
  for (const WaitingJobView& job : situation.waiting) {
    for (int index = 0; index < job.images; ++index) {
      if (!room.fits(job.workspace_bytes)) return batch;
      room.take(job.workspace_bytes);
      batch.push_back({job.job, index});
    }
  }
  return batch;
}

std::vector<ImageRef> choose_step(const Situation& situation, const AdmissionLimits& limits) {
  const auto painted = [&](const Lane& lane) {
    return std::any_of(situation.images.begin(), situation.images.end(), [&](const auto& image) {
      return image.stage == ImageStage::painting && image.key == lane.key;
    });
  };
  const Lane* next = nullptr;
  for (const Lane& lane : situation.lanes) {
    if (!painted(lane)) continue;
    if (next == nullptr || lane.device_seconds < next->device_seconds ||
        (lane.device_seconds == next->device_seconds && lane.last_turn < next->last_turn)) {
      next = &lane;
    }
  }
  if (next == nullptr) return {};
  return oldest_batch(situation, ImageStage::painting, limits.max_batch,
                      [&](const RunningImage& image) { return image.key == next->key; });
}

}  // namespace

Decision decide(const Situation& situation, const AdmissionLimits& limits) {
  CHECK(limits.max_batch >= 1);
  Decision decision;
  decision.drop = choose_drops(situation);
  const Situation left = without(situation, decision.drop);
  if (limits.phases == Phases::one_at_a_time) {
    decision.step = choose_step(left, limits);
    if (!decision.step.empty()) return decision;
  }
  decision.finish = oldest_batch(left, ImageStage::denoised, limits.max_batch,
                                 [](const RunningImage&) { return true; });
  if (!decision.finish.empty()) return decision;
  decision.begin = choose_begin(left, limits);
  if (!decision.begin.empty()) return decision;
  decision.step = choose_step(left, limits);
  return decision;
}

}  // namespace bafa::serve
