// Signals as something to wait for, so that no work happens in a handler. Made by `bafa serve`
// before the first thread, so that every thread inherits the mask; wait() is main's own.
#pragma once

namespace bafa::app {

enum class Event { stop_signal, reopen_signal, woken };

class Signals {
 public:
  // Takes SIGTERM, SIGINT and SIGHUP away from their defaults, and ignores SIGPIPE.
  Signals();
  ~Signals();  // release()
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  Event wait();

  // Ends one wait() with `woken`. From any thread.
  void wake() const;

  // Gives the signals back: the next SIGTERM or SIGINT ends the process at once.
  void release();

 private:
  int signals_ = -1;  // signalfd
  int wake_ = -1;     // eventfd
};

}  // namespace bafa::app
