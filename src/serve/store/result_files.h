// Finished pictures as files: one for each job, named by its id, in the folder `results` of the
// server's state. The folder belongs to one process, is its owner's alone (0700, files 0600), and a
// file in it is whole or absent. Knows nothing of jobs' lives; any thread.
//
// A file is one line of JSON, {"version":1,"images":[{"width":…,"height":…,"index":…},…]}, and then
// the pictures' bytes, RGB8, in that order. It holds no prompt and no tenant.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "bafa/engine.h"
#include "base/files.h"

namespace bafa::serve {

class ResultFiles {
 public:
  // Makes the folder and locks it. Throws Error{io_error, disk_full} when that fails, also when
  // another process has it.
  explicit ResultFiles(const std::filesystem::path& state_dir);

  // Files that were here before this object, from a process that was killed.
  const std::vector<std::filesystem::path>& leftovers() const { return leftovers_; }

  // The size of the file, in bytes, once it is on the disk. Throws Error{io_error, disk_full}.
  std::uint64_t write(const JobId& id, const JobResult& result) const;

  // Null when there is no such file. Throws Error{io_error} when it cannot be read or is not what
  // write() wrote.
  std::shared_ptr<const JobResult> read(const JobId& id) const;

  // An absent file is no failure. Throws Error{io_error}.
  void remove(const JobId& id) const { remove(path_of(id)); }
  void remove(const std::filesystem::path& file) const;

 private:
  std::filesystem::path path_of(const JobId& id) const;

  const std::filesystem::path folder_;
  std::unique_ptr<FileLock> lock_;
  std::vector<std::filesystem::path> leftovers_;
};

}  // namespace bafa::serve
