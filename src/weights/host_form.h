// A tensor as bytes on the host, and back: to the bit, in the layout in which it is used, also when
// that is one of oneDNN's own. Any one thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "device/host_store.h"

namespace bafa::weights {

struct HostForm {
  std::vector<std::int64_t> sizes;
  std::vector<std::int64_t> strides;  // empty where oneDNN's description says the layout
  std::vector<std::uint8_t> description;
  at::ScalarType dtype = at::kFloat;
  at::Device device = at::kCPU;  // where it comes back to
  std::uint64_t offset = 0;      // in the store
  std::uint64_t bytes = 0;
};

struct DeviceForm {
  at::Tensor tensor;
  at::Tensor buffer;  // to be kept as long as the tensor, which lies in it; may be undefined
};

std::uint64_t device_bytes(const at::Tensor& tensor);

// A tensor in one of oneDNN's own layouts, as it lies there.
std::span<const std::byte> packed_bytes(const at::Tensor& packed);

// Throws what HostStore::append() does.
HostForm to_host(const at::Tensor& tensor, device::HostStore& store);

// Throws what HostStore::read() does, and Error{out_of_memory}.
DeviceForm to_device(const HostForm& form, const device::HostStore& store);

}  // namespace bafa::weights
