// The entry of the module bafa_cuda; see device/cuda_module.h.
#include <c10/cuda/CUDAFunctions.h>
#include <cuda_runtime_api.h>

#include <array>

#include "bafa/error.h"
#include "device/cuda_module.h"

namespace bafa::device {
namespace {

void check(cudaError_t status) {
  if (status == cudaSuccess) return;
  throw Error(ErrorCode::device_error,
              std::string("no GPU can be used: ") + cudaGetErrorString(status), "model.device");
}

class Module final : public CudaModule {
 public:
  std::vector<Gpu> gpus() const override {
    int count = 0;
    check(c10::cuda::GetDeviceCount(&count));
    std::vector<Gpu> found;
    for (int index = 0; index < count; ++index) {
      cudaDeviceProp properties{};
      check(cudaGetDeviceProperties(&properties, index));
      std::array<char, 32> address{};
      check(cudaDeviceGetPCIBusId(address.data(), static_cast<int>(address.size()), index));
      found.push_back({.name = properties.name,
                       .capacity_bytes = properties.totalGlobalMem,
                       .compute_major = properties.major,
                       .compute_minor = properties.minor,
                       .pci_address = address.data()});
    }
    return found;
  }
};

}  // namespace
}  // namespace bafa::device

extern "C" const bafa::device::CudaModule& bafa_cuda_module() {
  static const bafa::device::Module module;
  return module;
}
