#include "pipeline/trace.h"

#include <utility>

#include "base/files.h"
#include "weights/safetensors_writer.h"

namespace bafa::pipeline {

void Trace::record(const std::string& name, std::vector<std::int64_t> shape, Values values) {
  entries_[name] = {std::move(shape), std::move(values)};
}

void Trace::describe(const std::string& key, const std::string& value) { metadata_[key] = value; }

void Trace::write(const std::filesystem::path& path) const {
  std::vector<weights::TensorToWrite> tensors;
  for (const auto& [name, entry] : entries_) {
    weights::TensorToWrite tensor{.name = name, .shape = entry.shape};
    if (const auto* floats = std::get_if<std::vector<float>>(&entry.values)) {
      tensor.type = weights::StoredType::f32;
      tensor.bytes = std::as_bytes(std::span(*floats));
    } else {
      tensor.type = weights::StoredType::i64;
      tensor.bytes = std::as_bytes(std::span(std::get<std::vector<std::int64_t>>(entry.values)));
    }
    tensors.push_back(std::move(tensor));
  }
  write_file(path, weights::safetensors_file(tensors, metadata_));
}

}  // namespace bafa::pipeline
