#include "device/gpu_monitor.h"

#include <dlfcn.h>

#include <cstdint>
#include <optional>
#include <utility>

#include "base/log.h"

namespace bafa::device {
namespace {

// NVML's interface as far as it is used here (NVML API Reference Guide): its functions return 0 for
// success, and these structures have kept their layout since they exist.
using Handle = void*;
struct Memory {
  unsigned long long total = 0;
  unsigned long long free = 0;
  unsigned long long used = 0;
};
struct Utilization {
  unsigned gpu = 0;     // percent
  unsigned memory = 0;  // percent of time, not of bytes
};
constexpr int kSuccess = 0;
constexpr unsigned kTemperatureOfGpu = 0;

struct Functions {
  int (*init)() = nullptr;
  int (*shutdown)() = nullptr;
  int (*handle_by_pci)(const char*, Handle*) = nullptr;
  int (*memory)(Handle, Memory*) = nullptr;
  int (*utilization)(Handle, Utilization*) = nullptr;
  int (*temperature)(Handle, unsigned, unsigned*) = nullptr;
};

template <typename Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

std::optional<Functions> functions_of(void* library) {
  Functions found;
  const bool all = find(library, "nvmlInit_v2", found.init) &&
                   find(library, "nvmlShutdown", found.shutdown) &&
                   find(library, "nvmlDeviceGetHandleByPciBusId_v2", found.handle_by_pci) &&
                   find(library, "nvmlDeviceGetMemoryInfo", found.memory) &&
                   find(library, "nvmlDeviceGetUtilizationRates", found.utilization) &&
                   find(library, "nvmlDeviceGetTemperature", found.temperature);
  return all ? std::optional(found) : std::nullopt;
}

// Initialised for as long as it lives. The library itself stays open: drivers keep threads in it.
class NvmlMonitor final : public GpuMonitor {
 public:
  NvmlMonitor(const Functions& nvml, Handle gpu) : nvml_(nvml), gpu_(gpu) {}
  ~NvmlMonitor() override { nvml_.shutdown(); }
  NvmlMonitor(const NvmlMonitor&) = delete;
  NvmlMonitor& operator=(const NvmlMonitor&) = delete;

  DeviceReadings read() const override {
    DeviceReadings readings;
    if (Memory memory; nvml_.memory(gpu_, &memory) == kSuccess) {
      readings.memory_used_bytes = memory.used;
      readings.memory_total_bytes = memory.total;
    }
    if (Utilization rates; nvml_.utilization(gpu_, &rates) == kSuccess) {
      readings.utilization = rates.gpu / 100.0;
    }
    if (unsigned celsius = 0; nvml_.temperature(gpu_, kTemperatureOfGpu, &celsius) == kSuccess) {
      readings.temperature_celsius = celsius;
    }
    return readings;
  }

 private:
  const Functions nvml_;
  const Handle gpu_;
};

std::unique_ptr<GpuMonitor> unwatched(const std::string& pci_address, const std::string& reason) {
  log(spdlog::level::info,
      LogLine("gpu.unwatched").add("pci_address", pci_address).add("reason", reason));
  return nullptr;
}

}  // namespace

std::unique_ptr<GpuMonitor> open_gpu_monitor(const std::string& pci_address,
                                             const std::string& library) {
  void* const handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return unwatched(pci_address, dlerror());
  const std::optional<Functions> nvml = functions_of(handle);
  if (!nvml) return unwatched(pci_address, library + " lacks functions of NVML");
  if (nvml->init() != kSuccess) return unwatched(pci_address, "the driver does not answer");
  Handle gpu = nullptr;
  if (nvml->handle_by_pci(pci_address.c_str(), &gpu) != kSuccess) {
    nvml->shutdown();
    return unwatched(pci_address, "NVML does not know this GPU");
  }
  return std::make_unique<NvmlMonitor>(*nvml, gpu);
}

}  // namespace bafa::device
