// The numbers of one NVIDIA GPU, from the driver's management library (NVML). That library is
// opened while the program runs, because most machines lack it and no picture needs it. Any thread.
#pragma once

#include <memory>
#include <string>

#include "bafa/device_readings.h"

namespace bafa::device {

class GpuMonitor {
 public:
  virtual ~GpuMonitor() = default;

  // Asks the driver, which may take milliseconds.
  virtual DeviceReadings read() const = 0;
};

inline constexpr const char* kNvmlLibrary = "libnvidia-ml.so.1";

// Of the GPU at a PCI address ("0000:65:00.0"). Null, and a line in the log that says why, when the
// library is not here, is not NVML, or does not know the GPU.
std::unique_ptr<GpuMonitor> open_gpu_monitor(const std::string& pci_address,
                                             const std::string& library = kNvmlLibrary);

// Of the device that a configuration names: null for "cpu", and as above for "cuda:N", which has
// been opened before.
std::unique_ptr<GpuMonitor> open_device_monitor(const std::string& spec);

}  // namespace bafa::device
