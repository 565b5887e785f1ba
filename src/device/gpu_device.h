// A GPU as a device, by way of the CUDA module.
#pragma once

#include <memory>

#include "device/cuda_module.h"
#include "device/device.h"

namespace bafa::device {

// Opens the module, which stays open for the life of the process. Throws Error{device_error} when
// it is missing or does not load, when the driver does not answer, or when there is no GPU `index`.
std::unique_ptr<Device> open_gpu_device(int index, const CudaModuleFile& file);

}  // namespace bafa::device
