// Weights that are not on the device, in the form in which they are used: an unnamed temporary
// file, so that the system may keep it in memory or not. Owned by the residency; append() by one
// thread at a time, read() by any.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace bafa::device {

class HostStore {
 public:
  struct Options {
    std::filesystem::path folder;   // where the file lies; empty: the system's temporary folder
    std::uint64_t limit_bytes = 0;  // 0: none
  };

  // The file is made with the first append().
  explicit HostStore(Options options);
  ~HostStore();
  HostStore(const HostStore&) = delete;
  HostStore& operator=(const HostStore&) = delete;

  // Where the bytes begin, for read(). Throws Error{io_error, disk_full} naming the folder,
  // Error{out_of_memory} beyond the limit.
  std::uint64_t append(std::span<const std::byte> bytes);

  // Throws Error{io_error} when the file cannot be read.
  void read(std::uint64_t offset, std::span<std::byte> into) const;

  std::uint64_t bytes() const { return size_; }

 private:
  void open();

  const Options options_;
  int file_ = -1;
  std::atomic<std::uint64_t> size_{0};
};

}  // namespace bafa::device
