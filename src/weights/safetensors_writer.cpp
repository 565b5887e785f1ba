#include "weights/safetensors_writer.h"

#include <nlohmann/json.hpp>

#include "base/check.h"

namespace bafa::weights {

std::string safetensors_file(std::span<const TensorToWrite> tensors,
                             const std::map<std::string, std::string>& metadata) {
  nlohmann::json header = nlohmann::json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::size_t offset = 0;
  for (const TensorToWrite& tensor : tensors) {
    CHECK(!header.contains(tensor.name));
    header[tensor.name] = {{"dtype", to_string(tensor.type)},
                           {"shape", tensor.shape},
                           {"data_offsets", {offset, offset + tensor.bytes.size()}}};
    offset += tensor.bytes.size();
  }
  // A prompt in the metadata may hold anything: bytes that are not UTF-8 are replaced.
  std::string text = header.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');  // so that the data begins aligned

  std::string file;
  file.reserve(8 + text.size() + offset);
  for (int shift = 0; shift < 64; shift += 8)
    file.push_back(static_cast<char>(std::uint64_t{text.size()} >> shift & 0xff));
  file += text;
  for (const TensorToWrite& tensor : tensors)
    file.append(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
  return file;
}

}  // namespace bafa::weights
