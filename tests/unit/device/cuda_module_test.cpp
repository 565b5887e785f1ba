#include "device/cuda_module.h"

#include <gtest/gtest.h>

#include "bafa/error.h"

namespace bafa::device {
namespace {

std::string refusal(const std::filesystem::path& library) {
  try {
    open_cuda_module({.library = library});
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::device_error);
    EXPECT_EQ(error.param(), "model.device");
    return error.what();
  }
  return "it was opened";
}

TEST(CudaModule, OfABuildWithoutOneSaysHowToGetIt) {
  EXPECT_EQ(
      refusal("no/such/libbafa_cuda.so"),
      "model.device: this build has no CUDA part (no/such/libbafa_cuda.so is missing): build on a "
      "machine with the CUDA toolkit, or use cpu");
}

TEST(CudaModule, ThatDoesNotLoadSaysWhy) {
  EXPECT_NE(refusal("CMakeLists.txt").find("the CUDA part does not load: "), std::string::npos);
}

}  // namespace
}  // namespace bafa::device
