#include "device/device.h"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bafa/error.h"
#include "device/cpu_features.h"

namespace bafa::device {
namespace {

using testing::HasSubstr;

Error error_of(const std::string& spec, int threads, const std::string& module) {
  try {
    open_device({.name = spec, .threads = threads, .cuda_module = module});
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorCode::internal, "nothing was refused");
}

TEST(Device, OpensTheProcessorWithTheThreadsAsked) {
  const int before = at::get_num_threads();
  const auto device = open_device({.name = "cpu", .threads = 1});
  EXPECT_EQ(at::get_num_threads(), 1);
  EXPECT_TRUE(device->torch_device().is_cpu());
  EXPECT_GT(device->capacity_bytes(), std::uint64_t{1} << 28);
  EXPECT_THAT(device->name(), HasSubstr("1 threads"));
  device->synchronize();
  open_device({.name = "cpu", .threads = before});
  EXPECT_EQ(at::get_num_threads(), before);
}

TEST(Device, PrefersBf16OnlyWhereTheProcessorHasIt) {
  const auto device = open_device({.name = "cpu", .threads = at::get_num_threads()});
  const bool native = cpu_features().avx512_bf16 || cpu_features().amx_bf16;
  EXPECT_EQ(device->best_dtype(), native ? at::kBFloat16 : at::kFloat);
  EXPECT_TRUE(device->runs(device->best_dtype()));
  EXPECT_FALSE(device->runs(at::kHalf));
}

TEST(Device, RefusesNamesItDoesNotKnow) {
  for (const char* spec : {"", "gpu", "cuda", "cuda:", "cuda:x", "cuda:-1", "cuda:1x", "cuda:64",
                           "cuda:99999999999", "cpu:", "cpu:x"}) {
    const Error error = error_of(spec, 0, "nowhere");
    EXPECT_EQ(error.code(), ErrorCode::invalid_config) << spec;
    EXPECT_EQ(error.param(), "model.device");
  }
  EXPECT_EQ(error_of("cpu", -1, "nowhere").param(), "model.threads");
}

TEST(Device, SaysThatTheCudaModuleIsMissing) {
  const Error error = error_of("cuda:0", 0, "/nowhere/libbafa_cuda.so");
  EXPECT_EQ(error.code(), ErrorCode::device_error);
  EXPECT_THAT(error.what(), HasSubstr("/nowhere/libbafa_cuda.so is missing"));
}

TEST(Device, RefusesAFileThatIsNoCudaModule) {
  const Error error = error_of("cuda:0", 0, "CMakeLists.txt");
  EXPECT_EQ(error.code(), ErrorCode::device_error);
  EXPECT_THAT(error.what(), HasSubstr("the CUDA part does not load"));
}

}  // namespace
}  // namespace bafa::device
