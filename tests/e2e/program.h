// The real program as a child process. Used by one test at a time.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace bafa::e2e {

// The tiny checkpoint that is committed for the golden tests: random weights, 64x64, milliseconds.
std::vector<std::string> tiny_model();

// A folder that is gone with the test.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct Outcome {
  int exit_code = -1;  // -1: ended by a signal
  std::string out;
  std::string err;
};

// Runs the program to its end with `input` on standard input.
Outcome run_program(const std::vector<std::string>& arguments, const std::string& input = {});

// `bafa serve` on free ports with the tiny model.
class ServerProgram {
 public:
  // Returns when the program says where it listens and, unless told otherwise, is ready.
  explicit ServerProgram(const std::vector<std::string>& options = {});
  ~ServerProgram();  // kills what is still there
  ServerProgram(const ServerProgram&) = delete;
  ServerProgram& operator=(const ServerProgram&) = delete;

  int port() const { return port_; }
  int admin_port() const { return admin_port_; }

  pid_t process() const { return pid_; }
  void send_signal(int number) const;
  int wait_for_exit();  // the exit code; -1 when a signal ended it
  bool running();
  std::string log() const;  // what it has written to standard error so far

 private:
  std::string read_line();

  TemporaryFolder folder_;
  pid_t pid_ = -1;
  int output_ = -1;
  int port_ = 0;
  int admin_port_ = 0;
};

}  // namespace bafa::e2e
