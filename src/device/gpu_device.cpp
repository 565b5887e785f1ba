#include "device/gpu_device.h"

#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <string>
#include <utility>
#include <vector>

#include "bafa/error.h"

namespace bafa::device {
namespace {

constexpr int kBf16ComputeMajor = 8;  // Ampere

class GpuDevice final : public Device {
 public:
  GpuDevice(const CudaModule& module, int index, Gpu gpu)
      : module_(module), index_(index), gpu_(std::move(gpu)) {}

  at::Device torch_device() const override {
    return {at::kCUDA, static_cast<c10::DeviceIndex>(index_)};
  }

  std::string name() const override { return "cuda:" + std::to_string(index_) + ", " + gpu_.name; }

  std::uint64_t capacity_bytes() const override { return gpu_.capacity_bytes; }

  at::ScalarType best_dtype() const override {
    return gpu_.compute_major >= kBf16ComputeMajor ? at::kBFloat16 : at::kFloat;
  }

  // fp16 is left out: decoders overflow it.
  bool runs(at::ScalarType dtype) const override {
    return dtype == at::kFloat || (dtype == at::kBFloat16 && best_dtype() == at::kBFloat16);
  }

  void limit_memory(std::uint64_t bytes) const override { module_.limit_memory(index_, bytes); }

  std::optional<Memory> memory() const override {
    const GpuMemory memory = module_.memory(index_);
    return Memory{.used_bytes = memory.used_bytes, .peak_bytes = memory.peak_bytes};
  }

  void reset_peak() const override { module_.reset_peak(index_); }

  void give_back() const override { module_.give_back(); }

  void synchronize() const override {
    c10::impl::getDeviceGuardImpl(at::kCUDA)->synchronizeDevice(
        static_cast<c10::DeviceIndex>(index_));
  }

 private:
  const CudaModule& module_;  // open for the life of the process
  int index_;
  Gpu gpu_;
};

}  // namespace

std::unique_ptr<Device> open_gpu_device(int index, const CudaModuleFile& file) {
  const CudaModule& module = open_cuda_module(file);
  std::vector<Gpu> gpus = module.gpus();
  if (static_cast<std::size_t>(index) >= gpus.size()) {
    throw Error(ErrorCode::device_error,
                file.field + ": cuda:" + std::to_string(index) +
                    " does not exist; GPUs on this machine: " + std::to_string(gpus.size()),
                file.field);
  }
  return std::make_unique<GpuDevice>(module, index,
                                     std::move(gpus[static_cast<std::size_t>(index)]));
}

}  // namespace bafa::device
