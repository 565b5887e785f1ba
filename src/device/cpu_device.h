// The processor as a device.
#pragma once

#include <memory>

#include "device/device.h"

namespace bafa::device {

// Sets the number of threads of ATen's kernels for the process; 0: one for each core that this
// process may use. Also tells the process's allocator to keep what is freed, and installs the one
// that counts (counting_allocator.h). Throws Error{invalid_config} for fewer threads.
std::unique_ptr<Device> open_cpu_device(int threads);

}  // namespace bafa::device
