#include "device/gpu_monitor.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

namespace bafa::device {
namespace {

int initialized() {
  void* const library = dlopen(BAFA_FAKE_NVML, RTLD_NOW);
  if (library == nullptr) return -1;
  return reinterpret_cast<int (*)()>(dlsym(library, "fake_nvml_initialized"))();
}

TEST(GpuMonitor, ReadsWhatTheGpuTells) {
  const auto monitor = open_gpu_monitor("0000:01:00.0", BAFA_FAKE_NVML);
  ASSERT_NE(monitor, nullptr);
  const DeviceReadings readings = monitor->read();
  EXPECT_EQ(readings.memory_used_bytes, 30'000u);
  EXPECT_EQ(readings.memory_total_bytes, 80'000u);
  EXPECT_EQ(readings.utilization, 0.63);
  EXPECT_EQ(readings.temperature_celsius, 54);
}

TEST(GpuMonitor, LeavesOutWhatTheGpuDoesNotTell) {
  const auto monitor = open_gpu_monitor("0000:02:00.0", BAFA_FAKE_NVML);
  ASSERT_NE(monitor, nullptr);
  const DeviceReadings readings = monitor->read();
  EXPECT_EQ(readings.memory_used_bytes, 30'000u);
  EXPECT_EQ(readings.utilization, std::nullopt);
  EXPECT_EQ(readings.temperature_celsius, std::nullopt);
}

TEST(GpuMonitor, IsOptional) {
  EXPECT_EQ(open_gpu_monitor("0000:01:00.0", "no-such-library.so.1"), nullptr);
  EXPECT_EQ(open_gpu_monitor("0000:01:00.0", "libm.so.6"), nullptr) << "not NVML";
  EXPECT_EQ(open_gpu_monitor("0000:09:00.0", BAFA_FAKE_NVML), nullptr) << "no such GPU";
  EXPECT_EQ(open_device_monitor("cpu"), nullptr);
}

TEST(GpuMonitor, EndsWhatItBegan) {
  EXPECT_EQ(initialized(), 0);
  const auto monitor = open_gpu_monitor("0000:01:00.0", BAFA_FAKE_NVML);
  EXPECT_EQ(open_gpu_monitor("0000:09:00.0", BAFA_FAKE_NVML), nullptr);
  EXPECT_EQ(initialized(), 1);
}

}  // namespace
}  // namespace bafa::device
