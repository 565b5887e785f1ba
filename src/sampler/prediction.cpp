#include "sampler/prediction.h"

#include <ATen/TensorOperators.h>

#include "base/check.h"

namespace bafa::sampler {

at::Tensor clean_of(Prediction type, const Mixture& m) {
  switch (type) {
    case Prediction::epsilon: return (m.latents - m.sqrt_beta * m.prediction) / m.sqrt_alpha;
    case Prediction::v: return m.sqrt_alpha * m.latents - m.sqrt_beta * m.prediction;
    case Prediction::sample: return m.prediction;
  }
  CHECK(false);
}

at::Tensor noise_of(Prediction type, const Mixture& m) {
  switch (type) {
    case Prediction::epsilon: return m.prediction;
    case Prediction::v: return m.sqrt_alpha * m.prediction + m.sqrt_beta * m.latents;
    case Prediction::sample: return (m.latents - m.sqrt_alpha * m.prediction) / m.sqrt_beta;
  }
  CHECK(false);
}

}  // namespace bafa::sampler
