// One component's weights on disk: the safetensors file, or the shards, of a folder of a diffusers
// checkpoint, mapped and checked. Owned by the loader while a network is built; any one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/files.h"
#include "weights/safetensors.h"

namespace bafa::weights {

class Checkpoint {
 public:
  struct Tensor {
    StoredTensor stored;
    std::size_t file = 0;  // index of the file that holds it
  };

  // Finds `stem`.safetensors, `stem`.safetensors.index.json, or their .fp16 variants in `folder`,
  // in this order; `stem` is "model" or "diffusion_pytorch_model". Throws Error{invalid_model} when
  // a file is damaged, when shards and index disagree, when there are no weights, and, saying why,
  // when there are only pickle files (.bin, .ckpt, .pt, .pth).
  Checkpoint(const std::filesystem::path& folder, const std::string& stem);

  // Exactly this file.
  explicit Checkpoint(const std::filesystem::path& file);

  const std::map<std::string, Tensor, std::less<>>& tensors() const { return tensors_; }
  const std::map<std::string, std::string, std::less<>>& metadata() const { return metadata_; }

  // The tensor's bytes within the map. Throws Error{invalid_model} when the file was written to or
  // cut since it was opened. Copy at once: a file replaced by rename cannot touch the map, but one
  // cut in place ends the process at the next access, so nothing may point into the map for long.
  std::span<const std::byte> bytes(const Tensor& tensor) const;

  // Throws Error{invalid_model} when a file was written to or cut since it was opened: to be asked
  // once more when all is copied, for what was copied last may be of either writing.
  void require_unchanged() const;

  // To be called when bytes(tensor) were copied, so that a file is never in memory as a whole
  // beside what is made of it.
  void forget(const Tensor& tensor) const;

  std::uint64_t total_bytes() const;  // of all tensors
  std::string source() const;         // for messages: the file, or the index

 private:
  struct File {
    std::filesystem::path path;
    MappedFile map;
    std::filesystem::file_time_type written;
  };

  static void require_unchanged(const File& file);
  void open(const std::filesystem::path& path);
  void open_shards(const std::filesystem::path& index);
  std::span<const std::byte> span_of(const Tensor& tensor) const;

  std::filesystem::path source_;
  std::vector<File> files_;
  std::map<std::string, Tensor, std::less<>> tensors_;
  std::map<std::string, std::string, std::less<>> metadata_;
};

}  // namespace bafa::weights
