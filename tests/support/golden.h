// Reads the numbers that scripts/make_golden.py wrote, and compares with them.
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <string>

#include "weights/checkpoint.h"

namespace bafa::test {

// From the top of the checkout, where tests run.
inline const std::filesystem::path kGoldenData = "tests/golden/data";

// One file of golden numbers: tensors in the types they are stored in, and its metadata.
class GoldenFile {
 public:
  explicit GoldenFile(const std::filesystem::path& file) : checkpoint_(file) {}

  bool has(const std::string& name) const { return checkpoint_.tensors().contains(name); }

  at::Tensor operator[](const std::string& name) const {
    const auto& tensor = checkpoint_.tensors().at(name);
    const auto bytes = checkpoint_.bytes(tensor);
    at::Tensor values = at::empty(tensor.stored.shape, type_of(tensor.stored.type));
    std::memcpy(values.mutable_data_ptr(), bytes.data(), bytes.size());
    return values;
  }

  const std::string& fact(const std::string& key) const { return checkpoint_.metadata().at(key); }
  bool knows(const std::string& key) const { return checkpoint_.metadata().contains(key); }

 private:
  static at::ScalarType type_of(weights::StoredType type) {
    switch (type) {
      case weights::StoredType::f32: return at::kFloat;
      case weights::StoredType::i64: return at::kLong;
      case weights::StoredType::u8: return at::kByte;
      default: throw std::runtime_error("golden files hold fp32, int64 and bytes");
    }
  }

  weights::Checkpoint checkpoint_;
};

// Peak signal-to-noise ratio in dB of values whose range is `peak`; infinite when equal.
inline double psnr(const at::Tensor& actual, const at::Tensor& expected, double peak) {
  const at::Tensor difference = actual.to(at::kDouble) - expected.to(at::kDouble);
  const double error = difference.square().mean().item<double>();
  return 10 * std::log10(peak * peak / error);
}

}  // namespace bafa::test
