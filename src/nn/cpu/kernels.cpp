#include "nn/cpu/kernels.h"

#include "device/cpu_features.h"

namespace bafa::nn::cpu {

const Kernels& kernels() { return device::cpu_features().avx512 ? kernels_v4() : kernels_v3(); }

}  // namespace bafa::nn::cpu
