#include "device/device.h"

#include <charconv>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "bafa/error.h"
#include "base/text.h"
#include "device/cpu_device.h"
#include "device/cuda_module.h"
#include "device/gpu_device.h"
#include "device/gpu_monitor.h"

namespace bafa::device {
namespace {

constexpr std::string_view kCudaPrefix = "cuda:";
constexpr int kMaxGpus = 64;
constexpr std::string_view kCudaModuleFile = "libbafa_cuda.so";

// N of "cuda:N", or -1.
int cuda_index(std::string_view spec) {
  if (!spec.starts_with(kCudaPrefix)) return -1;
  const std::string_view digits = spec.substr(kCudaPrefix.size());
  int index = -1;
  const auto [end, failure] = std::from_chars(digits.begin(), digits.end(), index);
  const bool whole = failure == std::errc() && end == digits.end();
  return whole && index >= 0 && index < kMaxGpus ? index : -1;
}

std::filesystem::path module_beside_program() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / kCudaModuleFile;
}

}  // namespace

std::unique_ptr<GpuMonitor> open_device_monitor(const std::string& spec) {
  const int index = cuda_index(spec);
  if (index < 0) return nullptr;
  const std::vector<Gpu> gpus = open_cuda_module(module_beside_program()).gpus();
  return open_gpu_monitor(gpus.at(static_cast<std::size_t>(index)).pci_address);
}

std::unique_ptr<Device> open_device(const std::string& spec, int threads) {
  return open_device(spec, threads, module_beside_program());
}

std::unique_ptr<Device> open_device(const std::string& spec, int threads,
                                    const std::filesystem::path& cuda_module) {
  if (spec == "cpu") return open_cpu_device(threads);
  const int index = cuda_index(spec);
  if (index < 0) {
    throw Error(ErrorCode::invalid_config,
                "device " + printable(spec) + " is unknown; it is cpu or cuda:N", "model.device");
  }
  return open_gpu_device(index, cuda_module);
}

}  // namespace bafa::device
