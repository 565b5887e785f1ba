// Every stage of one image, number by number, for comparison with other implementations; what
// `bafa generate --trace` writes (the tensors are listed in README.md). Filled by the pipeline on
// its worker thread, written by app when the image is finished.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace bafa::pipeline {

class Trace {
 public:
  using Values = std::variant<std::vector<float>, std::vector<std::int64_t>>;

  // A name recorded twice keeps the last values.
  void record(const std::string& name, std::vector<std::int64_t> shape, Values values);
  void describe(const std::string& key, const std::string& value);  // the file's metadata

  // One safetensors file, by rename. Throws Error{io_error}.
  void write(const std::filesystem::path& path) const;

 private:
  struct Entry {
    std::vector<std::int64_t> shape;
    Values values;
  };
  std::map<std::string, Entry> entries_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace bafa::pipeline
