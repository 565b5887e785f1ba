// The machinery of a Listener: its loop and its connections (listener.cpp), and what happens to a
// request between its first byte and its answer (listener_requests.cpp). Everything below `private`
// runs on the loop's own thread, but for the lambda that hand_over() gives to a handler thread.
#pragma once

#include <array>
#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "http/connection_table.h"
#include "http/exchange.h"
#include "http/handler_threads.h"
#include "http/listener.h"
#include "http/poller.h"

namespace bafa::http {

class Listener::Impl {
 public:
  Impl(const ListenerOptions& options, const ListenerParts& parts);

  void start();
  void stop(std::chrono::milliseconds grace);
  int port() const { return port_; }
  ListenerStats stats() const;

 private:
  struct Handled {
    std::uint64_t id = 0;
    bool sent = false;
    bool keep_alive = false;
  };

  // An answer that the listener gives itself, perhaps held back for a while.
  struct Objection {
    HttpResponse response;
    std::chrono::milliseconds delay{0};
  };

  // The loop.
  void run();
  int patience_ms() const;
  void on_event(std::uint64_t id);
  void on_deadlines();
  void on_deadline(Connection& connection);
  void take_back_handled();
  void begin_stop();
  void cut_handled();
  void publish_stats();

  // Connections.
  void accept_waiting();
  void pause_accepting();
  void take_in(AcceptedSocket accepted);
  void read_from(Connection& connection);
  void discard_from(Connection& connection);
  void wait_for_bytes(Connection& connection);
  void set_deadline(Connection& connection, MonotonicTime deadline);
  void linger(Connection& connection);
  void close(Connection& connection);

  // Requests. Those that return bool say whether the connection goes on with its next bytes; after
  // false it belongs to a handler, waits for a deadline, or is gone.
  void process(Connection& connection, std::string_view bytes);
  void begin_head(Connection& connection);
  bool admit(Connection& connection, bool body_has_begun);
  std::optional<Objection> objection_to(Connection& connection);
  bool handle(Connection& connection, std::string_view unread);
  void hand_over(Connection& connection, Exchange exchange, std::string_view unread);
  bool refuse(Connection& connection, const ErrorDetails& why);
  bool answer(Connection& connection, HttpResponse response);
  bool hold_back(Connection& connection, Objection objection);
  bool send_own(Connection& connection, HttpResponse response, const AnswerContext& context);
  bool finish(Connection& connection, const Handled& handled);
  void begin_next_request(Connection& connection);
  AnswerContext context_of(const Connection& connection) const;
  Exchange make_exchange(Connection& connection);
  void count_body(Connection& connection, std::size_t bytes);
  void observe(const RequestRecord& record);
  std::string new_request_id();

  const TransportConfig limits_;
  const ListenerParts parts_;
  const std::string name_;
  FileDescriptor listening_;
  const int port_;
  Poller poller_;

  // Of the loop's thread alone.
  ConnectionTable table_;
  std::array<char, 64 << 10> buffer_{};
  std::uint64_t next_id_ = 2;
  const std::string request_id_prefix_;
  std::uint64_t requests_ = 0;
  std::size_t bodies_bytes_ = 0;
  int at_handlers_ = 0;
  MonotonicTime next_deadline_ = MonotonicTime::max();
  std::optional<MonotonicTime> accept_again_;
  std::optional<MonotonicTime> cut_at_;  // once stopping

  std::atomic<bool> stopping_ = false;
  std::atomic<std::chrono::milliseconds> grace_{};
  std::atomic<int> open_connections_ = 0;
  std::atomic<int> handling_ = 0;
  std::atomic<int> waiting_ = 0;

  Mutex mutex_;
  std::vector<Handled> handled_ GUARDED_BY(mutex_);  // answered by handlers, not yet taken back

  HandlerThreads threads_;
  std::thread thread_;
};

}  // namespace bafa::http
