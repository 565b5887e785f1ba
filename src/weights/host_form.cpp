#include "weights/host_form.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_strided.h>

#include "base/check.h"

// Exported by libtorch for ahead-of-time compiled models, which keep packed weights in files too;
// the published headers declare them under another name only.
namespace at::native {
TORCH_API void* data_ptr_from_mkldnn(const Tensor& mkldnn_tensor);
TORCH_API std::int64_t nbytes_from_mkldnn(const Tensor& mkldnn_tensor);
TORCH_API Tensor mkldnn_tensor_from_data_ptr(void* data, IntArrayRef sizes, ScalarType dtype,
                                             Device device, const std::uint8_t* description,
                                             std::int64_t description_bytes);
}  // namespace at::native

namespace bafa::weights {
namespace {

std::vector<std::uint8_t> description_of(const at::Tensor& packed) {
  using Describe = at::Tensor(const at::Tensor&);
  static const auto kDescribe = c10::Dispatcher::singleton()
                                    .findSchemaOrThrow("mkldnn::_get_mkldnn_serialized_md", "")
                                    .typed<Describe>();
  const at::Tensor bytes = kDescribe.call(packed);
  const auto* begin = bytes.const_data_ptr<std::uint8_t>();
  return {begin, begin + bytes.numel()};
}

std::span<const std::byte> bytes_at(const void* data, std::uint64_t size) {
  return {static_cast<const std::byte*>(data), size};
}

HostForm packed_to_host(const at::Tensor& tensor, device::HostStore& store) {
  HostForm form{.sizes = tensor.sizes().vec(),
                .strides = {},
                .description = description_of(tensor),
                .dtype = tensor.scalar_type(),
                .bytes = device_bytes(tensor)};
  form.offset = store.append(packed_bytes(tensor));
  return form;
}

}  // namespace

std::uint64_t device_bytes(const at::Tensor& tensor) {
  return tensor.is_mkldnn() ? static_cast<std::uint64_t>(at::native::nbytes_from_mkldnn(tensor))
                            : tensor.nbytes();
}

std::span<const std::byte> packed_bytes(const at::Tensor& packed) {
  return bytes_at(at::native::data_ptr_from_mkldnn(packed), device_bytes(packed));
}

HostForm to_host(const at::Tensor& tensor, device::HostStore& store) {
  if (tensor.is_mkldnn()) return packed_to_host(tensor, store);
  CHECK(tensor.is_non_overlapping_and_dense());
  HostForm form{.sizes = tensor.sizes().vec(),
                .strides = tensor.strides().vec(),
                .description = {},
                .dtype = tensor.scalar_type(),
                .device = tensor.device(),
                .bytes = tensor.nbytes()};
  const at::Tensor here = tensor.to(at::kCPU);
  form.offset = store.append(bytes_at(here.const_data_ptr(), form.bytes));
  return form;
}

DeviceForm to_device(const HostForm& form, const device::HostStore& store) {
  DeviceForm made;
  std::byte* begin = nullptr;
  if (form.strides.size() != form.sizes.size()) {
    made.buffer = at::empty({static_cast<std::int64_t>(form.bytes)}, at::TensorOptions(at::kByte));
    begin = static_cast<std::byte*>(made.buffer.mutable_data_ptr());
    made.tensor = at::native::mkldnn_tensor_from_data_ptr(
        begin, form.sizes, form.dtype, form.device, form.description.data(),
        static_cast<std::int64_t>(form.description.size()));
  } else {
    made.tensor = at::empty_strided(form.sizes, form.strides, at::TensorOptions(form.dtype));
    begin = static_cast<std::byte*>(made.tensor.mutable_data_ptr());
  }
  store.read(form.offset, {begin, form.bytes});
  if (!form.device.is_cpu()) made.tensor = made.tensor.to(form.device);
  return made;
}

}  // namespace bafa::weights
