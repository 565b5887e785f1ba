#include "app/service_notifier.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

#include "bafa/error.h"
#include "base/check.h"
#include "base/log.h"

namespace bafa::app {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr milliseconds kTellEvery{1000};
constexpr std::chrono::seconds kExtension{30};
// Of the watchdog's time: so often main looks, and so often the resting worker moves.
constexpr int kSignsOfLife = 4;

std::string_view variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

std::int64_t number_in(const char* name) {
  const std::string_view text = variable(name);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && number >= 0) return number;
  throw Error(ErrorCode::invalid_config, std::string(name) + " must be a whole number", name);
}

struct Address {
  sockaddr_un value{};
  socklen_t size = 0;
};

Address address_of(const std::string& socket) {
  Address address;
  address.value.sun_family = AF_UNIX;
  const bool named = socket.starts_with('/') || socket.starts_with('@');
  if (!named || socket.size() < 2 || socket.size() >= sizeof(address.value.sun_path)) {
    throw Error(ErrorCode::invalid_config,
                "NOTIFY_SOCKET must be an absolute path, or @ and a name, of at most " +
                    std::to_string(sizeof(address.value.sun_path) - 1) + " bytes",
                "NOTIFY_SOCKET");
  }
  std::memcpy(address.value.sun_path, socket.data(), socket.size());
  const std::size_t length = offsetof(sockaddr_un, sun_path) + socket.size();
  const bool abstract = socket.starts_with('@');
  if (abstract) address.value.sun_path[0] = '\0';
  address.size = static_cast<socklen_t>(length + (abstract ? 0 : 1));
  return address;
}

std::string status_of(const ServiceState& state) {
  const std::string jobs = std::to_string(state.queue.running) + " running, " +
                           std::to_string(state.queue.depth) + " waiting";
  switch (state.readiness) {
    case Readiness::loading: return "loading the model";
    case Readiness::ready: return "serving: " + jobs;
    case Readiness::draining: return "draining: " + jobs;
    case Readiness::device_error: break;
  }
  return "the device has failed";
}

std::string usec(microseconds time) { return std::to_string(time.count()); }

}  // namespace

NotifyOptions notify_options_from_environment() {
  NotifyOptions options{.socket = std::string(variable("NOTIFY_SOCKET"))};
  if (options.socket.empty() || variable("WATCHDOG_USEC").empty()) return options;
  const bool ours = variable("WATCHDOG_PID").empty() || number_in("WATCHDOG_PID") == ::getpid();
  if (ours) options.watchdog = microseconds(number_in("WATCHDOG_USEC"));
  return options;
}

ServiceNotifier::ServiceNotifier(NotifyOptions options, const Clock& clock)
    : options_(std::move(options)), clock_(clock), began_(clock.now()) {
  if (options_.socket.empty()) return;
  address_of(options_.socket);
  socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  CHECK(socket_ >= 0);
  // A listener that reads nothing may hold main up, but not for good.
  const timeval patience{.tv_sec = 1, .tv_usec = 0};
  CHECK(::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0);
}

ServiceNotifier::~ServiceNotifier() {
  if (socket_ >= 0) ::close(socket_);
}

std::optional<milliseconds> ServiceNotifier::interval() const {
  if (socket_ < 0) return std::nullopt;
  return std::min(kTellEvery, longest_rest().value_or(kTellEvery));
}

std::optional<milliseconds> ServiceNotifier::longest_rest() const {
  if (options_.watchdog.count() == 0) return std::nullopt;
  const auto part = std::chrono::duration_cast<milliseconds>(options_.watchdog / kSignsOfLife);
  return std::max(part, milliseconds(1));
}

void ServiceNotifier::tell(const ServiceState& state) {
  std::string lines;
  if (state.readiness == Readiness::loading) {
    if (clock_.now() - began_ < kLongestLoad) {
      lines += "EXTEND_TIMEOUT_USEC=" + usec(kExtension) + "\n";
    }
  } else if (state.readiness == Readiness::ready && !std::exchange(ready_, true)) {
    lines += "READY=1\n";
    if (options_.watchdog.count() > 0 && state.longest_call > options_.watchdog) {
      lines += "WATCHDOG_USEC=" + usec(state.longest_call) + "\n";
    }
  }
  if (std::string status = status_of(state); status != status_) {
    lines += "STATUS=" + status + "\n";
    status_ = std::move(status);
  }
  if (options_.watchdog.count() > 0 && std::exchange(turns_, state.turns) != state.turns) {
    lines += "WATCHDOG=1\n";
  }
  send(lines);
}

void ServiceNotifier::reloading() {
  const auto now = std::chrono::duration_cast<microseconds>(clock_.now().time_since_epoch());
  if (ready_) send("RELOADING=1\nMONOTONIC_USEC=" + usec(now) + "\n");
}

// READY ends a reload, but must not say what is not yet so.
void ServiceNotifier::reloaded() {
  if (ready_) send("READY=1\n");
}

void ServiceNotifier::stopping(std::chrono::seconds at_most) {
  send("STOPPING=1\nEXTEND_TIMEOUT_USEC=" + usec(at_most) + "\n");
}

// A service manager that does not listen is no reason to stop serving.
void ServiceNotifier::send(const std::string& lines) {
  if (socket_ < 0 || lines.empty()) return;
  const Address address = address_of(options_.socket);
  const ssize_t sent = ::sendto(socket_, lines.data(), lines.size(), MSG_NOSIGNAL,
                                reinterpret_cast<const sockaddr*>(&address.value), address.size);
  const int reason = errno;
  if (std::exchange(failed_, sent < 0) || sent >= 0) return;
  log(spdlog::level::warn, LogLine("notify.failed")
                               .add("socket", options_.socket)
                               .add("reason", std::generic_category().message(reason)));
}

}  // namespace bafa::app
