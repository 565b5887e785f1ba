#include "base/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "bafa/error.h"

namespace bafa {
namespace {

[[noreturn]] void fail(const std::string& verb, const std::string& path, int reason) {
  const bool full = reason == ENOSPC || reason == EDQUOT;
  throw Error(
      full ? ErrorCode::disk_full : ErrorCode::io_error,
      "log.file: cannot " + verb + " " + path + ": " + std::generic_category().message(reason),
      "log.file");
}

// Not for everybody to read: with log.prompts it holds prompts.
constexpr mode_t kMode = 0640;

int open_to_append(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, kMode);
  if (descriptor < 0) fail("open", path, errno);
  return descriptor;
}

std::uint64_t size_of(int descriptor) {
  struct stat info{};
  return ::fstat(descriptor, &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

}  // namespace

LogFile::LogFile(LogFileOptions options) : options_(std::move(options)) { reopen(); }

LogFile::~LogFile() { ::close(descriptor_); }

void LogFile::reopen() {
  const int opened = open_to_append(options_.path);
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = opened;
  bytes_ = size_of(opened);
  turn_over_at_ = options_.max_bytes;
}

void LogFile::write(std::string_view line) {
  if (turn_over_at_ > 0 && bytes_ > 0 && bytes_ + line.size() > turn_over_at_) turn_over();
  while (!line.empty()) {
    const ssize_t written = ::write(descriptor_, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write", options_.path, errno);
    bytes_ += static_cast<std::uint64_t>(written);
    line.remove_prefix(static_cast<std::size_t>(written));
  }
}

// PATH.n falls out, every other one moves up; what is missing among them does not matter.
void LogFile::turn_over() {
  const auto numbered = [&](int n) { return options_.path + "." + std::to_string(n); };
  for (int n = options_.max_files - 1; n > 0; --n) {
    std::rename(numbered(n).c_str(), numbered(n + 1).c_str());
  }
  const bool moved = std::rename(options_.path.c_str(), numbered(1).c_str()) == 0;
  turn_over_at_ += options_.max_bytes;
  if (moved) reopen();
}

}  // namespace bafa
