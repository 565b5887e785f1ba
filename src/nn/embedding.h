// A table of vectors looked up by id. Called by the device thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "weights/weight_map.h"

namespace bafa::nn {

class Embedding {
 public:
  // Reads `weight` [count, features].
  Embedding(const weights::WeightScope& scope, std::int64_t count, std::int64_t features);

  // ids [...] int64, each below count -> [..., features]
  at::Tensor operator()(const at::Tensor& ids) const;

 private:
  weights::Weight weight_;  // [count, features]
};

}  // namespace bafa::nn
