// The two ports of the program: the public one, and the operator's for metrics and administration.
// Owned by main, which hands it the routes; every method is called from main's thread but stats().
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "bafa/config.h"
#include "base/clock.h"
#include "http/listener.h"
#include "http/router.h"

namespace bafa::http {

struct ServerOptions {
  ListenConfig listen;
  TransportConfig transport;
};

struct ServerParts {
  const Router& routes;        // of the public port; holds the operator's too if admin_port is -1
  const Router& admin_routes;  // of the operator's port
  const Clock& clock;
  RequestObserver on_answer = {};
};

class Server {
 public:
  // Reads the keys and binds both ports. Throws Error{invalid_config} when another machine could
  // reach a port without a key (and `insecure` was not given), when the keys file is wrong, and
  // whatever Listener throws.
  Server(const ServerOptions& options, const ServerParts& parts);
  ~Server();

  void start();
  void stop(std::chrono::milliseconds grace);

  // Reads the keys file again, if there is one. Throws what the constructor would; the keys that
  // counted before then go on counting.
  void reload_keys();

  int port() const;
  int admin_port() const;       // -1 without a port of its own
  ListenerStats stats() const;  // both ports together

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// True for addresses that only this machine reaches: 127.0.0.0/8, ::1, localhost.
bool is_loopback(const std::string& host);

}  // namespace bafa::http
