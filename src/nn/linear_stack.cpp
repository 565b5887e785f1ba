#include "nn/linear_stack.h"

#include <ATen/ops/cat.h>

#include "base/check.h"

namespace bafa::nn {

OutputRange LinearStack::add(const weights::WeightScope& scope, std::int64_t out) {
  weights_.push_back(scope.tensor("weight", {out, in_}));
  if (options_.bias) biases_.push_back(scope.tensor("bias", {out}));
  home_ = home_ ? home_->common(scope) : scope;
  const OutputRange range{out_, out};
  out_ += out;
  return range;
}

Linear LinearStack::join() const {
  CHECK(!weights_.empty());
  return Linear(*home_, at::cat(weights_), options_.bias ? at::cat(biases_) : at::Tensor(),
                options_.activation);
}

}  // namespace bafa::nn
