// The file behind log.file: appended to, opened again on request, and turned over by size. Written
// by one thread at a time (the log's sink holds a mutex).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bafa {

struct LogFileOptions {
  std::string path;
  std::uint64_t max_bytes =
      0;              // before a line that would pass it, the file is turned over; 0: never
  int max_files = 1;  // old ones that are kept, as PATH.1 (the newest) to PATH.n
};

class LogFile {
 public:
  // Throws Error{io_error} that names the file.
  explicit LogFile(LogFileOptions options);
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  // Throws Error{io_error, disk_full}. When the file cannot be turned over it grows instead, for as
  // much again.
  void write(std::string_view line);

  // Opens the path anew: the file may have been moved. Throws as the constructor does, and then
  // goes on writing where it wrote before.
  void reopen();

 private:
  void turn_over();

  const LogFileOptions options_;
  int descriptor_ = -1;
  std::uint64_t bytes_ = 0;  // of the file
  std::uint64_t turn_over_at_ = 0;
};

}  // namespace bafa
