// The entry of the module bafa_cuda; see device/cuda_module.h.
#include <ATen/Context.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <cuda_runtime_api.h>

#include <algorithm>
#include <array>

#include "bafa/error.h"
#include "device/cuda_module.h"

namespace bafa::device {
namespace {

namespace allocator = c10::cuda::CUDACachingAllocator;

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

  void limit_memory(int gpu, std::uint64_t bytes) const override {
    const auto all = static_cast<double>(gpus().at(static_cast<std::size_t>(gpu)).capacity_bytes);
    at::globalContext().lazyInitDevice(c10::DeviceType::CUDA);
    allocator::setMemoryFraction(std::min(static_cast<double>(bytes) / all, 1.0), index(gpu));
  }

  GpuMemory memory(int gpu) const override {
    const auto stats = allocator::getDeviceStats(index(gpu));
    // The first entry of each counts all pools together.
    return {.used_bytes = static_cast<std::uint64_t>(stats.allocated_bytes[0].current),
            .reserved_bytes = static_cast<std::uint64_t>(stats.reserved_bytes[0].current),
            .peak_bytes = static_cast<std::uint64_t>(stats.allocated_bytes[0].peak)};
  }

  void reset_peak(int gpu) const override { allocator::resetPeakStats(index(gpu)); }

  void give_back() const override { allocator::emptyCache(); }

 private:
  static c10::DeviceIndex index(int gpu) { return static_cast<c10::DeviceIndex>(gpu); }
};

}  // namespace
}  // namespace bafa::device

extern "C" const bafa::device::CudaModule& bafa_cuda_module() {
  static const bafa::device::Module module;
  return module;
}
