// How the service is, told to systemd or whoever else set NOTIFY_SOCKET (sd_notify(3): datagrams of
// NAME=VALUE lines to a UNIX socket). Without a socket nothing is ever sent. Main's thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "bafa/engine.h"
#include "base/clock.h"

namespace bafa::app {

struct NotifyOptions {
  std::string socket;  // a path, or @ and an abstract name; empty: nobody listens
  std::chrono::microseconds watchdog{0};  // a sign of life is expected that often; 0: none is
};

// What systemd says in the environment. Throws Error{invalid_config} for what it cannot have said.
NotifyOptions notify_options_from_environment();

struct ServiceState {
  Readiness readiness = Readiness::loading;
  std::uint64_t turns = 0;  // rounds that the worker has ended, see serve/job_engine.h
  QueueSnapshot queue;
  std::chrono::milliseconds longest_call{0};  // of the model, as far as it is known; 0: it is not
};

class ServiceNotifier {
 public:
  // Beyond it a load is left to the manager's own time limit.
  static constexpr std::chrono::minutes kLongestLoad{30};

  // Throws Error{invalid_config} when the address is none.
  ServiceNotifier(NotifyOptions options, const Clock& clock);
  ~ServiceNotifier();
  ServiceNotifier(const ServiceNotifier&) = delete;
  ServiceNotifier& operator=(const ServiceNotifier&) = delete;

  // How often tell() wants to be called; nullopt: never.
  std::optional<std::chrono::milliseconds> interval() const;

  // How often the worker must end a round also when there is nothing to do; nullopt: never.
  std::optional<std::chrono::milliseconds> longest_rest() const;

  // Sends what is new: READY=1 once, STATUS= when it changed, WATCHDOG=1 when the worker has moved
  // since the last time, EXTEND_TIMEOUT_USEC= while the model loads, and once WATCHDOG_USEC= where
  // one call of the model may take longer than the watchdog waits.
  void tell(const ServiceState& state);

  // Around the reading of files on SIGHUP.
  void reloading();
  void reloaded();

  // The server drains: it may take so long.
  void stopping(std::chrono::seconds at_most);

 private:
  void send(const std::string& lines);

  const NotifyOptions options_;
  const Clock& clock_;
  const MonotonicTime began_;
  int socket_ = -1;
  bool ready_ = false;
  bool failed_ = false;  // the last datagram was not taken
  std::string status_;
  std::uint64_t turns_ = 0;
};

}  // namespace bafa::app
