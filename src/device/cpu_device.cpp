#include "device/cpu_device.h"

#include <ATen/Parallel.h>
#include <malloc.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>

#include "bafa/error.h"
#include "device/counting_allocator.h"
#include "device/cpu_features.h"

namespace bafa::device {
namespace {

// Cores that this process may run on: fewer than the machine has, in a container or under taskset.
int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(CPU_COUNT(&set), 1);
}

// Activations come and go hundreds of times an image. Their pages stay with the process, until
// give_back(), instead of being given back and faulted in again: a fifth of the decoder's time. For
// large blocks that takes one heap for all threads, and never a mapping for a block.
void keep_freed_memory() {
#if defined(__GLIBC__)
  ::mallopt(M_ARENA_MAX, 1);
  ::mallopt(M_MMAP_MAX, 0);
  ::mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
}

class CpuDevice final : public Device {
 public:
  explicit CpuDevice(int threads) : threads_(threads) {}

  at::Device torch_device() const override { return at::kCPU; }

  std::string name() const override {
    const CpuFeatures& cpu = cpu_features();
    const char* units = cpu.amx_bf16      ? "AMX bf16"
                        : cpu.avx512_bf16 ? "AVX-512 bf16"
                        : cpu.avx512      ? "AVX-512"
                                          : "AVX2";
    return std::string("cpu, ") + units + ", " + std::to_string(threads_) + " threads";
  }

  std::uint64_t capacity_bytes() const override {
    return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
           static_cast<std::uint64_t>(::sysconf(_SC_PAGE_SIZE));
  }

  at::ScalarType best_dtype() const override {
    const CpuFeatures& cpu = cpu_features();
    return cpu.avx512_bf16 || cpu.amx_bf16 ? at::kBFloat16 : at::kFloat;
  }

  // fp16 would be computed 20 times slower than fp32; bf16 is emulated where it is not native.
  bool runs(at::ScalarType dtype) const override {
    return dtype == at::kFloat || dtype == at::kBFloat16;
  }

  void limit_memory(std::uint64_t /*bytes*/) const override {}
  std::optional<Memory> memory() const override { return std::nullopt; }
  void reset_peak() const override {}

  void give_back() const override {
#if defined(__GLIBC__)
    ::malloc_trim(0);
#endif
  }

  void synchronize() const override {}  // kernels return when they are done

 private:
  int threads_;
};

}  // namespace

std::unique_ptr<Device> open_cpu_device(int threads) {
  if (threads < 0) {
    throw Error(ErrorCode::invalid_config, "threads must be 0 or more", "model.threads");
  }
  keep_freed_memory();
  install_counting_allocator();
  const int count = threads > 0 ? threads : usable_cores();
  at::set_num_threads(count);
  return std::make_unique<CpuDevice>(count);
}

}  // namespace bafa::device
