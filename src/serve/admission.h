// What the device does next, decided between any two calls of the model. decide() is a pure
// function of the situation and the limits; the scheduler carries its decision out. It asks for at
// most one call of the model, so that a cancel is looked at after each.
//
// Rules, in this order:
//   drop    jobs whose caller left, whose start deadline is over, or that shutting down ends
//   finish  pictures that are denoised, as soon as they are: their callers wait for nothing else
//   begin   pictures while there is room for them, oldest running job first, then the queue in its
//           order; the first that does not fit ends the search, so nobody is passed by
//   step    the lane (pictures with equal batch keys) that has had the least device time
// Where phases go one at a time: step while a picture is painted, then finish all, then begin all.
// A picture marked `alone` is never put together with another: its batch failed, and who is at
// fault shows when each is tried by itself.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "bafa/pipeline.h"
#include "base/clock.h"

namespace bafa::serve {

// Whether pictures may be in different phases.
enum class Phases {
  mixed,         // a waiting picture joins as soon as there is room
  one_at_a_time  // every change of phase copies weights: it is made for all pictures together
};

struct AdmissionLimits {
  int max_batch = 1;                  // pictures begun and not finished, of all lanes together
  std::uint64_t workspace_bytes = 0;  // for them together; 0: no limit
  Phases phases = Phases::mixed;
};

// Picture `index` of the job with this serial number.
struct ImageRef {
  std::uint64_t job = 0;
  int index = 0;

  friend bool operator==(const ImageRef&, const ImageRef&) = default;
};

enum class ImageStage { unbegun, painting, denoised };

// A picture of a running job that is not finished.
struct RunningImage {
  ImageRef image{};
  ImageStage stage = ImageStage::unbegun;
  BatchKey key{};
  std::uint64_t workspace_bytes = 0;
  bool alone = false;
};

struct RunningJobView {
  std::uint64_t job = 0;
  bool canceled = false;
};

struct WaitingJobView {
  std::uint64_t job = 0;
  int images = 1;
  BatchKey key{};
  std::uint64_t workspace_bytes = 0;  // of each image
  std::optional<MonotonicTime> start_deadline{};
};

// Pictures that can share a step. Lanes take turns by the device time that each has had.
struct Lane {
  BatchKey key{};
  double device_seconds = 0;
  std::uint64_t last_turn = 0;  // decides among equals: longest ago first
};

struct Situation {
  MonotonicTime now{};
  std::vector<RunningJobView> running{};         // in the order in which they started
  std::vector<RunningImage> images{};            // of the running jobs, in their order
  std::vector<WaitingJobView> waiting{};         // in the order in which they are to start
  std::vector<Lane> lanes{};                     // one for each key of a picture that has begun
  std::optional<MonotonicTime> running_until{};  // set while draining
};

enum class DropReason { canceled, expired, draining };

struct Drop {
  std::uint64_t job = 0;
  DropReason reason = DropReason::canceled;

  friend bool operator==(const Drop&, const Drop&) = default;
};

// At most one of finish, begin and step has anything in it.
struct Decision {
  std::vector<Drop> drop{};
  std::vector<ImageRef> finish{};
  std::vector<ImageRef> begin{};  // images of a waiting job: it starts
  std::vector<ImageRef> step{};

  friend bool operator==(const Decision&, const Decision&) = default;
};

Decision decide(const Situation& situation, const AdmissionLimits& limits);

}  // namespace bafa::serve
