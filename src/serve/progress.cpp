#include "serve/progress.h"

#include <algorithm>

namespace bafa::serve {

namespace {

constexpr double kNewest = 0.2;        // weight of the newest measurement
constexpr std::size_t kMaxKinds = 64;  // beyond, the kind seen first is forgotten
constexpr double kGuess = 5e-7;        // seconds a pixel and step: 256x256 in 8 steps in 0.26 s

// Forwards of the denoiser count: a guided step has two.
double pixels(const BatchKey& key) {
  return static_cast<double>(key.width) * key.height * (key.guided ? 2 : 1);
}

void average_in(double& average, double measured) {
  average = average == 0 ? measured : (1 - kNewest) * average + kNewest * measured;
}

}  // namespace

bool preview_due(int step, int steps, int previews) {
  if (step < 1 || step >= steps) return false;
  // The number of previews that should have been shown by then goes up at this step.
  const auto shown_by = [&](int at) { return at * (previews + 1) / steps; };
  if (previews >= steps - 1) return true;
  return shown_by(step) > shown_by(step - 1);
}

void Pace::observe_step(const BatchKey& key, int images, double seconds) {
  MutexLock lock(mutex_);
  auto kind = std::find_if(kinds_.begin(), kinds_.end(),
                           [&](const Kind& other) { return other.key == key; });
  if (kind == kinds_.end()) {
    if (kinds_.size() == kMaxKinds) kinds_.erase(kinds_.begin());
    kind = kinds_.insert(kinds_.end(), Kind{.key = key});
  }
  average_in(kind->step_seconds, seconds / images);
  average_in(pixel_step_seconds_, seconds / images / pixels(key));
}

void Pace::observe_encode(int images, double seconds) {
  MutexLock lock(mutex_);
  average_in(encode_seconds_, seconds / images);
}

void Pace::observe_decode(const BatchKey& key, int images, double seconds) {
  MutexLock lock(mutex_);
  average_in(pixel_decode_seconds_, seconds / images / pixels(key));
}

double Pace::seconds(const Work& work) const {
  MutexLock lock(mutex_);
  const auto kind = std::find_if(kinds_.begin(), kinds_.end(),
                                 [&](const Kind& other) { return other.key == work.key; });
  const double each_pixel = pixel_step_seconds_ == 0 ? kGuess : pixel_step_seconds_;
  const double each_step =
      kind == kinds_.end() ? each_pixel * pixels(work.key) : kind->step_seconds;
  return work.image_steps * each_step + work.encodes * encode_seconds_ +
         work.decodes * pixel_decode_seconds_ * pixels(work.key);
}

}  // namespace bafa::serve
