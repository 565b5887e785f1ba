// Linear layers that take one and the same input (query, key and value; the projections of the time
// embedding), collected while the network is built and run as one product.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "nn/linear.h"
#include "weights/weight_map.h"

namespace bafa::nn {

// Where one layer's output lies in the joined one.
struct OutputRange {
  std::int64_t begin = 0;
  std::int64_t size = 0;

  at::Tensor of(const at::Tensor& joined) const { return joined.narrow(-1, begin, size); }
};

class LinearStack {
 public:
  explicit LinearStack(std::int64_t in, LinearOptions options = {}) : in_(in), options_(options) {}

  // Reads `weight` [out, in] and, if there is one, `bias` [out] of `scope`.
  OutputRange add(const weights::WeightScope& scope, std::int64_t out);

  // All of them: [..., in] -> [..., sum of outs]. Call once, after the last add().
  Linear join() const;

 private:
  std::int64_t in_;
  LinearOptions options_;
  std::int64_t out_ = 0;
  std::optional<weights::WeightScope> home_;  // of all of them
  std::vector<at::Tensor> weights_;
  std::vector<at::Tensor> biases_;
};

}  // namespace bafa::nn
