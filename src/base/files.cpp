#include "base/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "bafa/error.h"
#include "base/check.h"

namespace bafa {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail(const char* verb, const fs::path& path, int reason) {
  // EFBIG: a limit on the size of files (RLIMIT_FSIZE), which has no room either.
  const bool full = reason == ENOSPC || reason == EDQUOT || reason == EFBIG;
  throw Error(full ? ErrorCode::disk_full : ErrorCode::io_error,
              std::string("cannot ") + verb + " " + path.string() + ": " +
                  std::generic_category().message(reason),
              path.string());
}

class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags, const char* verb, mode_t mode = 0666)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {
    if (fd_ < 0) fail(verb, path, errno);
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }

  // Says whether the last bytes were taken: some file systems only tell on close.
  bool close() { return ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

void write_all(const Descriptor& file, const fs::path& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write", path, errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

// Removes the half-written file when something goes wrong before the rename.
class TemporaryFile {
 public:
  explicit TemporaryFile(fs::path path) : path_(std::move(path)) {}
  ~TemporaryFile() {
    if (!renamed_) ::unlink(path_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const fs::path& path() const { return path_; }
  void rename_to(const fs::path& target) {
    if (::rename(path_.c_str(), target.c_str()) != 0) fail("write", target, errno);
    renamed_ = true;
  }

 private:
  fs::path path_;
  bool renamed_ = false;
};

}  // namespace

std::string read_file(const fs::path& path, std::size_t max_bytes) {
  const Descriptor file(path, O_RDONLY, "open");
  std::string content;
  std::array<char, 64 << 10> buffer;
  while (true) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("read", path, errno);
    if (count == 0) return content;
    if (static_cast<std::size_t>(count) > max_bytes - content.size()) {
      throw Error(ErrorCode::io_error,
                  path.string() + " is longer than " + std::to_string(max_bytes) + " bytes",
                  path.string());
    }
    content.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

void write_file(const fs::path& path, std::string_view bytes, Readers readers) {
  std::error_code ignored;  // an absent file is the usual case
  const fs::file_status status = fs::status(path, ignored);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    // A pipe, a terminal, /dev/null: renaming over it would replace the device by a file.
    const Descriptor file(path, O_WRONLY, "write");
    write_all(file, path, bytes);
    return;
  }
  // A link stays a link: what it names is replaced.
  const fs::path target = fs::exists(status) ? fs::canonical(path) : path;
  // The thread's number keeps two writers of one path, in any process here, out of each other's
  // file.
  TemporaryFile temporary(target.string() + ".part-" + std::to_string(::gettid()));
  Descriptor file(temporary.path(), O_WRONLY | O_CREAT | O_TRUNC, "write",
                  readers == Readers::owner ? 0600 : 0666);
  write_all(file, target, bytes);
  if (::fsync(file.get()) != 0) fail("write", target, errno);
  if (!file.close()) fail("write", target, errno);
  temporary.rename_to(target);
}

void make_private_folder(const fs::path& path) {
  std::error_code error;
  if (const fs::path parent = path.parent_path(); !parent.empty()) {
    fs::create_directories(parent, error);
    if (error) fail("make", parent, error.value());
  }
  if (::mkdir(path.c_str(), 0700) == 0) return;
  if (errno != EEXIST) fail("make", path, errno);
  fs::permissions(path, fs::perms::owner_all, error);
  if (error) fail("make private", path, error.value());
}

FileLock::FileLock(const fs::path& path)
    : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
  if (fd_ < 0) fail("write", path, errno);
  if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return;
  const int reason = errno;
  ::close(fd_);
  if (reason != EWOULDBLOCK) fail("lock", path, reason);
  throw Error(ErrorCode::io_error, "another process uses " + path.parent_path().string(),
              path.string());
}

FileLock::~FileLock() { ::close(fd_); }

MappedFile::MappedFile(const fs::path& path) {
  const Descriptor file(path, O_RDONLY, "open");
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) fail("open", path, errno);
  if (!S_ISREG(info.st_mode)) {
    throw Error(ErrorCode::io_error, path.string() + " is not a regular file", path.string());
  }
  if (info.st_size == 0) return;  // an empty map is not allowed
  size_ = static_cast<std::size_t>(info.st_size);
  void* const data = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (data == MAP_FAILED) fail("map", path, errno);
  data_ = static_cast<const std::byte*>(data);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) CHECK(::munmap(const_cast<std::byte*>(data_), size_) == 0);
}

// Only advice: where it is not taken, nothing but memory is lost.
void MappedFile::forget(std::span<const std::byte> part) {
  static const auto kPage = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<std::uintptr_t>(part.data()) + kPage - 1) / kPage * kPage;
  const auto end = reinterpret_cast<std::uintptr_t>(part.data() + part.size()) / kPage * kPage;
  if (begin >= end) return;
  ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

}  // namespace bafa
