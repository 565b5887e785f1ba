#include "device/host_store.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "bafa/error.h"
#include "base/bytes.h"
#include "base/check.h"

namespace bafa::device {
namespace {

[[noreturn]] void fail(const std::filesystem::path& folder, const char* what, int reason) {
  throw Error(reason == ENOSPC || reason == EDQUOT ? ErrorCode::disk_full : ErrorCode::io_error,
              folder.string() + ": weights that are not on the device cannot be " + what +
                  " there (" + std::system_category().message(reason) +
                  "); memory.host_folder chooses another folder",
              "memory.host_folder");
}

}  // namespace

HostStore::HostStore(Options options)
    : options_({.folder = options.folder.empty() ? std::filesystem::temp_directory_path()
                                                 : std::move(options.folder),
                .limit_bytes = options.limit_bytes}) {}

HostStore::~HostStore() {
  if (file_ >= 0) ::close(file_);
}

void HostStore::open() {
  std::string name = (options_.folder / "bafa-weights-XXXXXX").string();
  file_ = ::mkostemp(name.data(), O_CLOEXEC);
  if (file_ < 0) fail(options_.folder, "kept", errno);
  ::unlink(name.c_str());
}

std::uint64_t HostStore::append(std::span<const std::byte> bytes) {
  const std::uint64_t begin = size_;
  if (options_.limit_bytes != 0 && bytes.size() > options_.limit_bytes - begin) {
    throw Error(ErrorCode::out_of_memory,
                "weights that are not on the device take more than memory.host_limit_bytes, " +
                    shown_bytes(options_.limit_bytes),
                "memory.host_limit_bytes");
  }
  if (file_ < 0) open();
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t written =
        ::pwrite(file_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(begin + done));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail(options_.folder, "kept", written < 0 ? errno : ENOSPC);
    done += static_cast<std::size_t>(written);
  }
  size_ = begin + bytes.size();
  return begin;
}

void HostStore::read(std::uint64_t offset, std::span<std::byte> into) const {
  CHECK(offset + into.size() <= size_);
  for (std::size_t done = 0; done < into.size();) {
    const ssize_t count =
        ::pread(file_, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail(options_.folder, "read", count < 0 ? errno : EIO);
    done += static_cast<std::size_t>(count);
  }
}

}  // namespace bafa::device
