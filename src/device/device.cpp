#include "device/device.h"

#include <filesystem>
#include <string_view>

#include "device/cpu_device.h"
#include "device/cuda_module.h"
#include "device/gpu_device.h"
#include "device/gpu_monitor.h"
#include "memory/device_map.h"

namespace bafa::device {
namespace {

constexpr std::string_view kCudaModuleFile = "libbafa_cuda.so";

std::filesystem::path module_beside_program() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / kCudaModuleFile;
}

}  // namespace

std::unique_ptr<GpuMonitor> open_device_monitor(const std::string& spec) {
  const int index = memory::gpu_index(spec);
  if (index < 0) return nullptr;
  const std::vector<Gpu> gpus = open_cuda_module({.library = module_beside_program()}).gpus();
  return open_gpu_monitor(gpus.at(static_cast<std::size_t>(index)).pci_address);
}

std::unique_ptr<Device> open_device(const DeviceChoice& choice) {
  const int index = memory::gpu_index(memory::device_name(choice.name, choice.field));
  if (index < 0) return open_cpu_device(choice.threads);
  const std::filesystem::path module =
      choice.cuda_module.empty() ? module_beside_program() : choice.cuda_module;
  return open_gpu_device(index, {.library = module, .field = choice.field});
}

}  // namespace bafa::device
