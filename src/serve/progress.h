// How far work is and how long it takes: learnt from what was measured on this machine. Pace and
// Load are written by the worker and read by any thread.
#pragma once

#include <atomic>
#include <vector>

#include "bafa/pipeline.h"
#include "base/mutex.h"

namespace bafa::serve {

// True when, of `previews` pictures spread evenly over the steps before the last, one is due after
// step `step` of `steps`. With fewer steps than that, one after each.
bool preview_due(int step, int steps, int previews);

// What is left to do for pictures of one kind.
struct Work {
  BatchKey key;
  int image_steps = 0;  // denoising steps, over all images
  int encodes = 0;      // images to begin
  int decodes = 0;      // images to finish
};

// Seconds that work takes: moving averages for each kind of picture; for a kind never seen, by the
// number of pixels from those that were; before anything was seen, a guess.
class Pace {
 public:
  void observe_step(const BatchKey& key, int images, double seconds) EXCLUDES(mutex_);
  void observe_encode(int images, double seconds) EXCLUDES(mutex_);
  void observe_decode(const BatchKey& key, int images, double seconds) EXCLUDES(mutex_);

  double seconds(const Work& work) const EXCLUDES(mutex_);

 private:
  struct Kind {
    BatchKey key;
    double step_seconds = 0;  // of one image
  };

  mutable Mutex mutex_;
  std::vector<Kind> kinds_ GUARDED_BY(mutex_);  // newest last
  double pixel_step_seconds_ GUARDED_BY(mutex_) = 0;
  double encode_seconds_ GUARDED_BY(mutex_) = 0;  // of one image, whatever its size
  double pixel_decode_seconds_ GUARDED_BY(mutex_) = 0;
};

// What runs now, as the worker last saw it.
struct Load {
  std::atomic<int> jobs{0};
  std::atomic<double> remaining_seconds{0};
};

}  // namespace bafa::serve
