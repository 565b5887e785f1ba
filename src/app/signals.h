// Signals as something to wait for, so that no work happens in a handler. Made by `bafa serve`
// before the first thread, so that every thread inherits the mask; wait() is main's own.
#pragma once

#include <chrono>
#include <optional>

namespace bafa::app {

enum class Event { stop_signal, reload_signal, woken, timed_out };

class Signals {
 public:
  // Takes SIGTERM, SIGINT and SIGHUP away from their defaults, and ignores SIGPIPE.
  Signals();
  ~Signals();  // release()
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // Until one of the events; `timed_out` after `timeout` (none: as long as it takes).
  Event wait(std::optional<std::chrono::milliseconds> timeout = std::nullopt);

  // Ends one wait() with `woken`. From any thread.
  void wake() const;

  // Gives the signals back: the next SIGTERM or SIGINT ends the process at once.
  void release();

 private:
  int signals_ = -1;  // signalfd
  int wake_ = -1;     // eventfd
};

}  // namespace bafa::app
