#include "weights/checkpoint.h"

#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>
#include <utility>

#include "bafa/error.h"
#include "base/json.h"
#include "base/text.h"

namespace bafa::weights {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kMaxIndexBytes = 16 << 20;
constexpr std::size_t kMaxShards = 1024;

[[noreturn]] void refuse(const fs::path& path, const std::string& what) {
  throw Error(ErrorCode::invalid_model, path.string() + ": " + what, path.string());
}

bool is_pickle(const fs::path& path) {
  static constexpr std::array<std::string_view, 5> kExtensions{".bin", ".ckpt", ".pt", ".pth",
                                                               ".pkl"};
  const std::string extension = path.extension().string();
  for (const std::string_view known : kExtensions)
    if (extension == known) return true;
  return false;
}

[[noreturn]] void refuse_pickle(const fs::path& path) {
  refuse(path,
         "this is a pickle file, which can run any program hidden in it when it is read, so bafa "
         "does not read it; use the checkpoint's safetensors files or convert it to safetensors");
}

[[noreturn]] void refuse_folder(const fs::path& folder, const std::string& stem) {
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, failed))
    if (is_pickle(entry.path())) refuse_pickle(entry.path());
  refuse(folder,
         "there is no " + stem + ".safetensors and no " + stem +
             ".safetensors.index.json (nor a .fp16 variant) here; fetch the checkpoint again");
}

// A shard lies beside its index: its name must not lead anywhere else.
void check_shard_name(const fs::path& index, const std::string& name) {
  const fs::path path(name);
  if (name.empty() || path != path.filename() || name == "." || name == "..")
    refuse(index, "the shard name " + printable(name) + " is not a plain file name");
  if (is_pickle(path)) refuse_pickle(index.parent_path() / path);
  if (path.extension() != ".safetensors")
    refuse(index, "the shard " + printable(name) + " is not a safetensors file");
}

// Tensor name to shard name.
std::map<std::string, std::string> read_index(const fs::path& index) {
  const Json json =
      parse_json(read_file(index, kMaxIndexBytes), {.max_bytes = kMaxIndexBytes,
                                                    .max_depth = 8,
                                                    .source = index.string(),
                                                    .error = ErrorCode::invalid_model});
  ObjectReader reader(json, index.string(), ErrorCode::invalid_model);
  reader.require("weight_map");
  const Json* map = reader.any("weight_map");
  if (!map->is_object()) refuse(index, "weight_map is not an object");
  std::map<std::string, std::string> shards;
  for (const auto& [tensor, shard] : map->items()) {
    if (!shard.is_string()) refuse(index, "weight_map holds something that is not a file name");
    check_shard_name(index, shard.get<std::string>());
    shards.emplace(tensor, shard.get<std::string>());
  }
  if (shards.empty()) refuse(index, "weight_map is empty");
  return shards;
}

}  // namespace

Checkpoint::Checkpoint(const fs::path& folder, const std::string& stem) {
  std::error_code failed;
  for (const char* variant : {"", ".fp16"}) {
    const fs::path file = folder / (stem + variant + ".safetensors");
    const fs::path index = folder / (stem + ".safetensors.index" + variant + ".json");
    if (fs::exists(file, failed))
      open(file);
    else if (fs::exists(index, failed))
      open_shards(index);
    if (!files_.empty()) return;
  }
  refuse_folder(folder, stem);
}

Checkpoint::Checkpoint(const fs::path& file) {
  if (is_pickle(file)) refuse_pickle(file);
  open(file);
}

void Checkpoint::open(const fs::path& path) {
  if (source_.empty()) source_ = path;
  std::error_code failed;
  if (!fs::exists(path, failed) && !failed)
    refuse(path, "this file is missing; fetch the checkpoint again");
  const fs::file_time_type written = fs::last_write_time(path, failed);
  files_.push_back({path, MappedFile(path), written});
  SafetensorsHeader header = parse_safetensors(files_.back().map.bytes(), path.string());
  for (auto& [name, stored] : header.tensors) {
    const bool added = tensors_.emplace(name, Tensor{std::move(stored), files_.size() - 1}).second;
    if (!added) refuse(path, "tensor " + printable(name, 128) + " is in another shard too");
  }
  metadata_.merge(header.metadata);
}

void Checkpoint::open_shards(const fs::path& index) {
  source_ = index;
  const std::map<std::string, std::string> shards = read_index(index);
  std::set<std::string> names;
  for (const auto& [tensor, shard] : shards) names.insert(shard);
  if (names.size() > kMaxShards) refuse(index, "it names more than 1024 shards");
  for (const std::string& name : names) open(index.parent_path() / name);

  for (const auto& [name, shard] : shards) {
    const auto found = tensors_.find(name);
    if (found == tensors_.end() || files_[found->second.file].path.filename() != shard)
      refuse(index, "tensor " + printable(name, 128) + " is not in " + printable(shard));
  }
  for (const auto& [name, tensor] : tensors_)
    if (!shards.contains(name))
      refuse(index, "it does not list tensor " + printable(name, 128) + " of " +
                        files_[tensor.file].path.filename().string());
}

void Checkpoint::require_unchanged(const File& file) {
  // A file renamed over this one keeps the map intact, but then the folder is in change as well.
  std::error_code failed;
  const std::uintmax_t size = fs::file_size(file.path, failed);
  const bool same = !failed && size == file.map.bytes().size() &&
                    fs::last_write_time(file.path, failed) == file.written && !failed;
  if (!same) refuse(file.path, "the file was changed while it was being loaded");
}

void Checkpoint::require_unchanged() const {
  for (const File& file : files_) require_unchanged(file);
}

std::span<const std::byte> Checkpoint::bytes(const Tensor& tensor) const {
  require_unchanged(files_[tensor.file]);
  return span_of(tensor);
}

std::span<const std::byte> Checkpoint::span_of(const Tensor& tensor) const {
  return files_[tensor.file].map.bytes().subspan(tensor.stored.begin,
                                                 tensor.stored.end - tensor.stored.begin);
}

void Checkpoint::forget(const Tensor& tensor) const { MappedFile::forget(span_of(tensor)); }

std::uint64_t Checkpoint::total_bytes() const {
  std::uint64_t total = 0;
  for (const auto& [name, tensor] : tensors_) total += tensor.stored.end - tensor.stored.begin;
  return total;
}

std::string Checkpoint::source() const { return source_.string(); }

}  // namespace bafa::weights
