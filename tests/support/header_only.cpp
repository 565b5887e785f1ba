#include "support/header_only.h"

#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>

namespace bafa::test {
namespace fs = std::filesystem;

void write_header_only(const fs::path& file, const TensorList& tensors, const StoredAs& stored) {
  nlohmann::json header = nlohmann::json::object();
  std::int64_t offset = 0;
  for (const auto& [name, shape] : tensors.all()) {
    const std::int64_t bytes = std::accumulate(shape.begin(), shape.end(),
                                               std::int64_t{stored.bytes}, std::multiplies<>());
    header[name] = {
        {"dtype", stored.dtype}, {"shape", shape}, {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  const std::string text = header.dump();
  const std::uint64_t length = text.size();
  fs::create_directories(file.parent_path());
  std::ofstream stream(file, std::ios::binary);
  stream.write(reinterpret_cast<const char*>(&length), sizeof length);
  stream << text;
  stream.close();
  fs::resize_file(file, sizeof length + length + static_cast<std::uint64_t>(offset));
}

void write_header_only_shards(const fs::path& folder, const std::string& stem,
                              const TensorList& tensors, const StoredAs& stored, int shards) {
  const std::size_t count = tensors.all().size();
  nlohmann::json map = nlohmann::json::object();
  for (int shard = 0; shard < shards; ++shard) {
    const std::string file = stem + "-0000" + std::to_string(shard + 1) + "-of-0000" +
                             std::to_string(shards) + ".safetensors";
    TensorList own;
    const std::size_t begin = count * static_cast<std::size_t>(shard) / shards;
    const std::size_t end = count * static_cast<std::size_t>(shard + 1) / shards;
    for (std::size_t i = begin; i < end; ++i) {
      const auto& [name, shape] = tensors.all()[i];
      own.add(name, shape);
      map[name] = file;
    }
    write_header_only(folder / file, own, stored);
  }
  std::ofstream(folder / (stem + ".safetensors.index.json"))
      << nlohmann::json{{"metadata", nlohmann::json::object()}, {"weight_map", map}};
}

}  // namespace bafa::test
