// A shared library that answers like the driver's NVML on a machine with two GPUs: one that tells
// everything, and one that tells of its memory alone, as some virtual ones do.
#include <string_view>

namespace {

constexpr int kNotSupported = 3;
constexpr int kNotFound = 6;
int gpus[2];
int initialized = 0;

bool tells_all(const void* gpu) { return gpu == &gpus[0]; }

}  // namespace

extern "C" {

struct nvmlMemory {
  unsigned long long total, free, used;
};
struct nvmlUtilization {
  unsigned gpu, memory;
};

int nvmlInit_v2() { return ++initialized, 0; }
int nvmlShutdown() { return --initialized, 0; }
int fake_nvml_initialized() { return initialized; }

int nvmlDeviceGetHandleByPciBusId_v2(const char* address, void** gpu) {
  if (initialized == 0) return 1;
  const std::string_view text(address);
  if (text != "0000:01:00.0" && text != "0000:02:00.0") return kNotFound;
  *gpu = &gpus[text == "0000:02:00.0"];
  return 0;
}

int nvmlDeviceGetMemoryInfo(void*, nvmlMemory* memory) {
  *memory = {.total = 80'000, .free = 50'000, .used = 30'000};
  return 0;
}

int nvmlDeviceGetUtilizationRates(void* gpu, nvmlUtilization* rates) {
  if (!tells_all(gpu)) return kNotSupported;
  *rates = {.gpu = 63, .memory = 12};
  return 0;
}

int nvmlDeviceGetTemperature(void* gpu, unsigned sensor, unsigned* celsius) {
  if (!tells_all(gpu) || sensor != 0) return kNotSupported;
  *celsius = 54;
  return 0;
}
}
