// Checkpoints that say what they hold and hold nothing: safetensors files with true names, shapes
// and dtypes whose data area is a hole in the file, so that gigabytes take no disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace bafa::test {

using Shape = std::vector<std::int64_t>;

class TensorList {
 public:
  void add(const std::string& name, Shape shape) { tensors_.emplace_back(name, std::move(shape)); }

  // name.weight and name.bias of [shape.front()].
  void add_biased(const std::string& name, const Shape& shape) {
    add(name + ".weight", shape);
    add(name + ".bias", {shape.front()});
  }

  const std::vector<std::pair<std::string, Shape>>& all() const { return tensors_; }

 private:
  std::vector<std::pair<std::string, Shape>> tensors_;
};

struct StoredAs {
  std::string dtype;  // "BF16"
  int bytes = 2;      // of an element
};

void write_header_only(const std::filesystem::path& file, const TensorList& tensors,
                       const StoredAs& stored);

// `shards` files, at most 9, and the index over them, named as the libraries do from `stem`.
void write_header_only_shards(const std::filesystem::path& folder, const std::string& stem,
                              const TensorList& tensors, const StoredAs& stored, int shards);

}  // namespace bafa::test
