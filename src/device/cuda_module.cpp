#include "device/cuda_module.h"

#include <dlfcn.h>

#include "bafa/error.h"

namespace bafa::device {

const CudaModule& open_cuda_module(const std::filesystem::path& library) {
  if (!std::filesystem::exists(library)) {
    throw Error(ErrorCode::device_error,
                "this build has no CUDA part (" + library.string() +
                    " is missing): build on a machine with the CUDA toolkit, or use --device cpu",
                "model.device");
  }
  // Global, because libtorch finds its CUDA half by the symbols that this brings in.
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (handle == nullptr) {
    throw Error(ErrorCode::device_error,
                std::string("the CUDA part does not load: ") + dlerror() +
                    "; install NVIDIA's run-time libraries, or use --device cpu",
                "model.device");
  }
  void* entry = dlsym(handle, kCudaModuleEntry);
  if (entry == nullptr) {
    throw Error(ErrorCode::device_error, library.string() + " is no CUDA part of bafa: build again",
                "model.device");
  }
  return reinterpret_cast<CudaModuleEntry>(entry)();
}

}  // namespace bafa::device
