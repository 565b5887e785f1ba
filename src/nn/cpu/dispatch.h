// From a tensor's element type to the kernels for it. Included by the .cpp files that cut the work.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <type_traits>

#include "nn/cpu/kernels.h"

namespace bafa::nn::cpu {

inline constexpr std::int64_t kGrainElements = 8192;  // less is not worth a second thread

// The memory of a tensor as the kernels take it.
template <typename T>
T* memory(const at::Tensor& x) {
  return static_cast<T*>(x.mutable_data_ptr());
}

template <typename T>
const KernelsOf<T>& kernels_of() {
  if constexpr (std::is_same_v<T, float>) {
    return kernels().fp32;
  } else {
    return kernels().bf16;
  }
}

// Calls function(T{}) with the element type of x.
template <typename Function>
void with_element_type(const at::Tensor& x, const Function& function) {
  if (x.scalar_type() == at::kFloat) {
    function(float{});
  } else {
    function(Bf16Bits{});
  }
}

}  // namespace bafa::nn::cpu
