// Files: read whole, map, write by rename. Throws Error{io_error} (or disk_full) with the path and
// the system's reason.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace bafa {

// Error{io_error} when the file is longer than max_bytes.
std::string read_file(const std::filesystem::path& path, std::size_t max_bytes);

// Who may read a new file: whom the process's umask allows, or its owner alone.
enum class Readers { usual, owner };

// Writes beside `path` and renames over it, so that a reader sees the old or the new file, never
// half.
void write_file(const std::filesystem::path& path, std::string_view bytes,
                Readers readers = Readers::usual);

// A folder that its owner alone may enter (0700), with its parents; one that exists becomes so.
void make_private_folder(const std::filesystem::path& path);

// True while this object lives: no other process holds the lock on `path`, which is made. Throws
// Error{io_error} when one does.
class FileLock {
 public:
  explicit FileLock(const std::filesystem::path& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int fd_ = -1;
};

// A read-only memory map; its bytes live as long as it does. Movable.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }

  // Takes a part of bytes() out of the process's memory, whole pages only. Reading it again is
  // allowed and reads the file again.
  static void forget(std::span<const std::byte> part);

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace bafa
