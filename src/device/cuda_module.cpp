#include "device/cuda_module.h"

#include <dlfcn.h>

#include <string>

#include "bafa/error.h"

namespace bafa::device {

const CudaModule& open_cuda_module(const CudaModuleFile& file) {
  const auto refuse = [&file](const std::string& why) {
    throw Error(ErrorCode::device_error, file.field + ": " + why, file.field);
  };
  if (!std::filesystem::exists(file.library)) {
    refuse("this build has no CUDA part (" + file.library.string() +
           " is missing): build on a machine with the CUDA toolkit, or use cpu");
  }
  // Global, because libtorch finds its CUDA half by the symbols that this brings in.
  void* handle = dlopen(file.library.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (handle == nullptr) {
    refuse(std::string("the CUDA part does not load: ") + dlerror() +
           "; install NVIDIA's run-time libraries, or use cpu");
  }
  void* entry = dlsym(handle, kCudaModuleEntry);
  if (entry == nullptr) refuse(file.library.string() + " is no CUDA part of bafa: build again");
  return reinterpret_cast<CudaModuleEntry>(entry)();
}

}  // namespace bafa::device
