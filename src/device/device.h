// The machine that a model runs on: its name, memory and dtypes. Owned by the pipeline that runs
// there; synchronize() is called by the device thread, the rest by any.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace bafa::device {

class Device {
 public:
  virtual ~Device() = default;

  virtual at::Device torch_device() const = 0;
  virtual std::string name() const = 0;              // for logs: "cpu, AMX bf16, 2 threads"
  virtual std::uint64_t capacity_bytes() const = 0;  // memory in all
  virtual at::ScalarType best_dtype() const = 0;     // what "auto" means here

  // Whether the dtype runs at a speed that anybody would want.
  virtual bool runs(at::ScalarType dtype) const = 0;

  // The most that tensors may take here from now on; a CPU's are held to it by the ledger that they
  // are charged to (counting_allocator.h).
  virtual void limit_memory(std::uint64_t bytes) const = 0;

  // What the device's own allocator counts; nullopt where a ledger does.
  struct Memory {
    std::uint64_t used_bytes = 0;
    std::uint64_t peak_bytes = 0;  // since the last reset_peak()
  };
  virtual std::optional<Memory> memory() const = 0;
  virtual void reset_peak() const = 0;

  // Memory that was freed and kept for later goes back to the system.
  virtual void give_back() const = 0;

  // Returns when all work given to the device is done. Throws Error{device_error} when it failed.
  virtual void synchronize() const = 0;
};

struct DeviceChoice {
  std::string name;                    // as memory/device_map.h says
  std::string field = "model.device";  // of the configuration, for messages
  int threads = 0;                     // of a CPU's kernels, for the whole process; 0: one per core
  std::filesystem::path cuda_module{};  // empty: beside the program
};

// Throws Error{invalid_config} for another name, Error{device_error} saying what is missing when
// there is no such GPU, no driver, or no CUDA module; both name the field.
std::unique_ptr<Device> open_device(const DeviceChoice& choice);

}  // namespace bafa::device
