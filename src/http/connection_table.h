// The connections of one listener, counted in all and by address, and the rule by which room is
// made when a cap is reached: whoever keeps nobody waiting goes first, then whoever takes longest
// to say what it wants; a request at a handler never goes. Used by the listener's thread alone.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "http/request_reader.h"
#include "http/router.h"
#include "http/socket.h"
#include "http/trusted_proxies.h"

namespace bafa::http {

// A request whose head was read and found good.
struct PendingRequest {
  RouteMatch match = {};
  Identity identity = {};
  std::string request_id = {};
  std::string cors_origin = {};
  Caller caller = {};      // the peer, or whom a trusted proxy names
  std::string group = {};  // that the request is counted in; "" when its connection is
  MonotonicTime began{};
};

struct Connection {
  enum class State {
    reading,    // idle, or in the middle of a request
    handling,   // a handler thread has it; the listener touches only `state`
    delayed,    // its answer is being held back until the deadline
    lingering,  // answered for the last time; read on, so that the client sees the answer
  };

  Connection(std::uint64_t connection_id, AcceptedSocket accepted, std::string address_group,
             const TransportConfig& limits)
      : id(connection_id),
        socket(std::move(accepted.socket)),
        peer(std::move(accepted.peer)),
        group(std::move(address_group)),
        local(std::move(accepted.local)),
        reader(limits) {}

  const std::uint64_t id;
  FileDescriptor socket;
  const std::string peer;
  const std::string group;  // address_group(peer); "" for a trusted proxy, which has no cap
  const std::string local;
  bool overflow = false;  // beyond the caps: gets health answers and refusals only
  State state = State::reading;
  MonotonicTime since{};     // when it became idle, began its head, or began its body
  MonotonicTime deadline{};  // in every state but handling
  std::optional<RequestReader> reader;
  std::string unread;  // pipelined bytes behind the request at the handler
  bool holds_waiting_place = false;
  PendingRequest pending;
  std::optional<HttpResponse> delayed_answer;
  std::size_t lingered_bytes = 0;
  std::size_t counted_body_bytes = 0;  // of the listener's sum of all bodies
};

struct ConnectionCaps {
  int total = 0;
  int per_address = 0;
  int overflow = 0;  // beside the total
};

class ConnectionTable {
 public:
  explicit ConnectionTable(const ConnectionCaps& caps) : caps_(caps) {}

  // What must happen before a connection from `group` is taken in. `to_close` may be null.
  struct Room {
    Connection* to_close = nullptr;
    bool overflow = false;
  };
  Room make_room(const std::string& group, MonotonicTime now);

  Connection& add(std::unique_ptr<Connection> connection);
  void remove(Connection& connection);
  Connection* find(std::uint64_t id);

  // A request has come through a proxy: it counts as one connection of `group` until end_request().
  // False when there are too many.
  bool begin_request(Connection& connection, const std::string& group);
  void end_request(Connection& connection);

  // Places for requests that may wait for a job: three quarters of each cap.
  bool take_waiting_place(Connection& connection);
  void give_waiting_place_back(Connection& connection);

  int size() const { return static_cast<int>(connections_.size()); }
  int waiting() const { return waiting_; }
  auto begin() { return connections_.begin(); }
  auto end() { return connections_.end(); }

 private:
  struct Group {
    int connections = 0;
    int waiting = 0;
  };
  enum class Scope { regular, overflow };

  static const std::string& waiting_group(const Connection& connection);
  void leave(const std::string& group);
  Connection* most_dispensable(Scope scope, const std::string* group, MonotonicTime now);

  const ConnectionCaps caps_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::map<std::string, Group> groups_;  // of regular connections, and of requests by proxies
  int regular_ = 0;
  int overflow_ = 0;
  int waiting_ = 0;
};

}  // namespace bafa::http
