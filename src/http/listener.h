// A listening port: reads requests strictly, has them answered by the router's handlers and sends
// the answers. One thread of its own waits on every connection that is idle or still sending, and
// answers health itself; a request gets a handler thread only once it is whole, and gives it back
// with its answer. Slow or silent clients therefore cost a bounded buffer and a deadline, never a
// thread. Owned by Server; start and stop are called once each, from one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "bafa/config.h"
#include "base/clock.h"
#include "http/auth.h"
#include "http/guards.h"
#include "http/router.h"
#include "http/trusted_proxies.h"

namespace bafa::http {

// One answer, as logs and metrics want it. Nothing in it was chosen by the client but the id.
struct RequestRecord {
  std::string method = {};
  std::string route = {};  // the pattern: "/v1/jobs/{id}"; "" when none was reached
  std::string tenant = {};
  std::string request_id = {};
  int status = 0;  // 499: the client went away before its answer was sent
  std::uint64_t sent_bytes = 0;
  double seconds = 0;  // from the end of its head to the end of its answer
};

using RequestObserver = std::function<void(const RequestRecord&)>;  // called from several threads

struct ListenerStats {
  int open_connections = 0;
  int handling = 0;  // requests at a handler
  int waiting = 0;   // of those, requests that may wait for a job (streams among them)
};

struct ListenerOptions {
  std::string name;  // for the log
  std::string host;
  int port = 0;  // 0: a free one
  TransportConfig limits;
};

// What a listener works with; everything outlives it.
struct ListenerParts {
  const Router& router;
  const Guards& guards;
  Authenticator& authenticator;
  const TrustedProxies& proxies;
  const Clock& clock;
  RequestObserver on_answer = {};
};

class Listener {
 public:
  // Binds at once. Throws Error{io_error} with the address and the system's reason, and
  // Error{invalid_config} when the process may not open as many descriptors as the limits admit.
  Listener(const ListenerOptions& options, const ListenerParts& parts);
  ~Listener();  // stop(0)

  void start();

  // Takes no more requests, lets those at handlers finish for `grace`, then cuts their connections
  // and waits for the handlers to notice. Idempotent.
  void stop(std::chrono::milliseconds grace);

  int port() const;
  ListenerStats stats() const;  // from any thread

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bafa::http
