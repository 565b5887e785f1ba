#include "e2e/program.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "base/files.h"
#include "e2e/http_client.h"

namespace bafa::e2e {
namespace {

constexpr unsigned kLongestRunSeconds = 250;  // then it is ended by a signal
constexpr int kStartTimeoutMs = 120'000;      // a loaded machine, a build with sanitizers

std::string contents(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// Standard streams of the child: descriptors that it takes over.
struct Streams {
  int in = -1;
  int out = -1;
  int err = -1;
};

pid_t start(const std::vector<std::string>& arguments, const Streams& streams) {
  std::vector<char*> argv{const_cast<char*>(BAFA_PROGRAM)};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error("fork failed");
  if (pid > 0) return pid;
  ::dup2(streams.in, 0);
  ::dup2(streams.out, 1);
  ::dup2(streams.err, 2);
  ::alarm(kLongestRunSeconds);
  ::execv(BAFA_PROGRAM, argv.data());
  ::_exit(127);
}

int exit_code(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }

int open_file(const std::filesystem::path& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  if (descriptor < 0) throw std::runtime_error("cannot open " + path.string());
  return descriptor;
}

constexpr int kForWriting = O_WRONLY | O_CREAT | O_TRUNC;

int port_in(const std::string& line, const std::string& tail = {}) {
  const std::size_t colon = line.rfind(':');
  if (colon == std::string::npos || !line.ends_with(tail)) {
    throw std::runtime_error("no address in: " + line);
  }
  return std::stoi(line.substr(colon + 1));
}

}  // namespace

std::vector<std::string> tiny_model() {
  return {"--model", "tests/golden/data/alt_diffusion", "--dtype", "fp32", "--threads", "1"};
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "bafa-e2e-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() { std::filesystem::remove_all(path_); }

Outcome run_program(const std::vector<std::string>& arguments, const std::string& input) {
  const TemporaryFolder folder;
  write_file(folder / "in", input);
  const Streams streams{.in = open_file(folder / "in", O_RDONLY),
                        .out = open_file(folder / "out", kForWriting),
                        .err = open_file(folder / "err", kForWriting)};
  const pid_t pid = start(arguments, streams);
  for (const int descriptor : {streams.in, streams.out, streams.err}) ::close(descriptor);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return {exit_code(status), contents(folder / "out"), contents(folder / "err")};
}

ServerProgram::ServerProgram(const std::vector<std::string>& options) {
  std::vector<std::string> arguments = {"serve", "--port", "0", "--admin-port", "0"};
  for (const auto& more : {tiny_model(), options}) {
    arguments.insert(arguments.end(), more.begin(), more.end());
  }
  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  const Streams streams{.in = open_file("/dev/null", O_RDONLY),
                        .out = pipe_ends[1],
                        .err = open_file(folder_ / "err", kForWriting)};
  pid_ = start(arguments, streams);
  output_ = pipe_ends[0];
  for (const int descriptor : {streams.in, streams.out, streams.err}) ::close(descriptor);
  port_ = port_in(read_line());
  admin_port_ = port_in(read_line(), "/metrics");
  const bool ready = eventually([this] { return get(port_, "/readyz").status == 200; });
  if (!ready) throw std::runtime_error("the server does not become ready: " + log());
}

ServerProgram::~ServerProgram() {
  if (running()) {
    send_signal(SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(output_);
}

void ServerProgram::send_signal(int number) const { ::kill(pid_, number); }

int ServerProgram::wait_for_exit() {
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  return exit_code(status);
}

bool ServerProgram::running() {
  if (pid_ < 0 || ::waitpid(pid_, nullptr, WNOHANG) == 0) return pid_ >= 0;
  pid_ = -1;
  return false;
}

std::string ServerProgram::log() const { return contents(folder_ / "err"); }

std::string ServerProgram::read_line() {
  std::string line;
  for (char byte = 0; byte != '\n';) {
    pollfd readable{output_, POLLIN, 0};
    if (::poll(&readable, 1, kStartTimeoutMs) != 1 || ::read(output_, &byte, 1) != 1) {
      throw std::runtime_error("the server does not start: " + log());
    }
    line += byte;
  }
  line.pop_back();
  return line;
}

}  // namespace bafa::e2e
