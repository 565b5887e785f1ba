#include "nn/embedding.h"

#include <ATen/ops/embedding.h>

namespace bafa::nn {

Embedding::Embedding(const weights::WeightScope& scope, std::int64_t count, std::int64_t features)
    : weight_(scope.weight("weight", {count, features})) {}

at::Tensor Embedding::operator()(const at::Tensor& ids) const {
  return at::embedding(weight_.get(), ids);
}

}  // namespace bafa::nn
