// What the worker has in hand: the jobs that have started, each picture's generation, and the
// lanes. Only the worker touches it; generations die here, on its thread.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "bafa/pipeline.h"
#include "serve/admission.h"
#include "serve/job.h"
#include "serve/progress.h"

namespace bafa::serve {

// One picture of a running job.
struct Picture {
  std::unique_ptr<Generation> generation;  // while it is painted
  std::optional<Image> image;              // once it is finished
  bool alone = false;                      // see admission.h
  bool stays_alone = false;                // it ran out of memory in company

  ImageStage stage() const;
};

struct RunningJob {
  std::shared_ptr<Job> job;
  std::vector<Picture> pictures;
  JobProgress progress;
  int steps = 0;  // calls of step() in which it had a part

  // One of them is over, which stepped so many pictures.
  void count_step(int stepped);

  // The finished pictures, moved out.
  std::shared_ptr<const JobResult> take_result();
  bool complete() const;
  Work remaining() const;
  int in_flight() const;
};

class RunningJobs {
 public:
  RunningJob& add(std::shared_ptr<Job> job);
  void remove(std::uint64_t serial);  // generations and all

  bool contains(std::uint64_t serial) const;
  RunningJob& job(std::uint64_t serial);
  Picture& picture(const ImageRef& image);
  const BatchKey& key(const ImageRef& image);
  const std::vector<RunningJob>& all() const { return jobs_; }
  std::vector<Generation*> generations(std::span<const ImageRef> images);

  // The serial numbers of `images`' jobs, each once.
  static std::vector<std::uint64_t> jobs_of(std::span<const ImageRef> images);

  // Fills in running, images and lanes.
  void describe(Situation& situation) const;

  // A lane begins with the least that another has had, so that it neither waits nor makes wait; it
  // ends with its last picture.
  void open_lane(const BatchKey& key);
  void charge_lane(const BatchKey& key, double device_seconds);

  // What all of it still takes, and what one job of it does: its own work, slowed by the others.
  double remaining_seconds(const Pace& pace) const;
  double remaining_seconds(const RunningJob& job, const Pace& pace) const;

 private:
  void close_lanes();

  std::vector<RunningJob> jobs_;  // in the order in which they started
  std::vector<Lane> lanes_;
  std::uint64_t turns_ = 0;
};

}  // namespace bafa::serve
