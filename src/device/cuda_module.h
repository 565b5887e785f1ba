// The CUDA half of bafa: a shared library beside the program, opened only when a GPU is asked for,
// so that one program serves machines with and without one. Opened once at start by `main`, before
// any thread touches a CUDA tensor; it stays open until the process ends.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace bafa::device {

struct Gpu {
  std::string name;
  std::uint64_t capacity_bytes = 0;
  int compute_major = 0;
  int compute_minor = 0;
  std::string pci_address;  // "0000:65:00.0"
};

// What libtorch's caching allocator says of one GPU, in bytes.
struct GpuMemory {
  std::uint64_t used_bytes = 0;      // by tensors
  std::uint64_t reserved_bytes = 0;  // taken from the driver, used or not
  std::uint64_t peak_bytes = 0;      // the most that was used since the last reset_peak()
};

// What the library gives the program. Any thread.
class CudaModule {
 public:
  virtual ~CudaModule() = default;

  // The GPUs that can be used, cuda:0 first. Error{device_error} with the driver's reason if none
  // can.
  virtual std::vector<Gpu> gpus() const = 0;

  // From then on the allocator takes no more from the driver than so much; libtorch throws
  // c10::OutOfMemoryError instead.
  virtual void limit_memory(int gpu, std::uint64_t bytes) const = 0;

  virtual GpuMemory memory(int gpu) const = 0;
  virtual void reset_peak(int gpu) const = 0;

  // What is reserved and not used goes back to the driver.
  virtual void give_back() const = 0;
};

struct CudaModuleFile {
  std::filesystem::path library;
  std::string field = "model.device";  // of the configuration, that asks for a GPU
};

// Error{device_error} naming the field when the library or something that it needs is missing, with
// what to do.
const CudaModule& open_cuda_module(const CudaModuleFile& file);

// The library's only symbol, and its type.
inline constexpr const char* kCudaModuleEntry = "bafa_cuda_module";
using CudaModuleEntry = const CudaModule& (*)();

}  // namespace bafa::device
