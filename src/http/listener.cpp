#include "http/listener.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "http/listener_impl.h"

namespace bafa::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kListeningId = 1;  // connections have the numbers above

constexpr int kOverflowConnections = 32;  // beyond the caps: health, polite refusals
constexpr seconds kOverflowTimeout{1};    // for these to say what they want
constexpr seconds kLingerTimeout{2};      // for a client to read its last answer
constexpr std::size_t kMaxLingerBytes = 8 << 20;
constexpr int kAcceptsPerTurn = 64;        // then the open connections have their turn
constexpr milliseconds kAcceptPause{100};  // when the system has no descriptor to give
constexpr milliseconds kTick{100};         // how late a deadline may be noticed
constexpr int kMinHandlerThreads = 2;
constexpr seconds kHandlerThreadIdle{10};
constexpr std::size_t kOtherDescriptors = 256;  // of the rest of the program

std::string random_hex() {
  std::random_device device;
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%08x%08x", device(), device());
  return text.data();
}

}  // namespace

Listener::Impl::Impl(const ListenerOptions& options, const ListenerParts& parts)
    : limits_(options.limits),
      parts_(parts),
      name_(options.name),
      listening_(listen_on(options.host, options.port)),
      port_(local_port(listening_.get())),
      table_({.total = limits_.max_connections,
              .per_address = limits_.max_connections_per_address,
              .overflow = kOverflowConnections}),
      request_id_prefix_(random_hex()),
      threads_(kMinHandlerThreads, limits_.max_connections, kHandlerThreadIdle) {
  require_descriptors(static_cast<std::size_t>(limits_.max_connections) + kOverflowConnections +
                      kOtherDescriptors);
  poller_.add(listening_.get(), kListeningId);
}

void Listener::Impl::start() {
  CHECK(!thread_.joinable());
  thread_ = std::thread([this] { run(); });
}

void Listener::Impl::stop(milliseconds grace) {
  if (!thread_.joinable()) return;
  grace_ = grace;
  stopping_ = true;
  poller_.wake();
  thread_.join();
}

ListenerStats Listener::Impl::stats() const {
  return {.open_connections = open_connections_, .handling = handling_, .waiting = waiting_};
}

void Listener::Impl::publish_stats() {
  open_connections_ = table_.size();
  handling_ = at_handlers_;
  waiting_ = table_.waiting();
}

// ---- the loop -------------------------------------------------------------------------------

void Listener::Impl::run() {
  while (!cut_at_ || table_.size() > 0) {
    for (const std::uint64_t id : poller_.wait(patience_ms())) on_event(id);
    take_back_handled();
    on_deadlines();
    if (stopping_ && !cut_at_) begin_stop();
    publish_stats();
  }
}

int Listener::Impl::patience_ms() const {
  const bool nothing_due = table_.size() == 0 && !accept_again_;
  return nothing_due ? -1 : static_cast<int>(kTick.count());
}

void Listener::Impl::on_event(std::uint64_t id) {
  if (id == kListeningId) return accept_waiting();
  Connection* connection = table_.find(id);
  if (!connection) return;  // closed since, to make room
  if (connection->state == Connection::State::lingering) return discard_from(*connection);
  if (connection->state == Connection::State::reading) read_from(*connection);
}

void Listener::Impl::take_back_handled() {
  std::vector<Handled> handled;
  {
    const MutexLock lock(mutex_);
    handled.swap(handled_);
  }
  for (const Handled& one : handled) {
    Connection& connection = *table_.find(one.id);
    --at_handlers_;
    table_.give_waiting_place_back(connection);
    connection.state = Connection::State::reading;
    if (!finish(connection, one)) continue;
    const std::string unread = std::exchange(connection.unread, {});
    process(connection, unread);
  }
}

void Listener::Impl::on_deadlines() {
  const MonotonicTime now = parts_.clock.now();
  if (accept_again_ && now >= *accept_again_ && !cut_at_) {
    accept_again_.reset();
    poller_.add(listening_.get(), kListeningId);
  }
  if (cut_at_ && now >= *cut_at_) cut_handled();
  if (now < next_deadline_) return;
  std::vector<Connection*> due;
  next_deadline_ = MonotonicTime::max();
  for (const auto& [id, connection] : table_) {
    if (connection->state == Connection::State::handling) continue;
    if (now >= connection->deadline) {
      due.push_back(connection.get());
    } else {
      next_deadline_ = std::min(next_deadline_, connection->deadline);
    }
  }
  for (Connection* connection : due) on_deadline(*connection);
}

void Listener::Impl::on_deadline(Connection& connection) {
  if (connection.state == Connection::State::delayed) {
    connection.state = Connection::State::reading;
    answer(connection, *std::exchange(connection.delayed_answer, std::nullopt));
  } else if (connection.state == Connection::State::reading && connection.reader->started()) {
    refuse(connection,
           {.code = ErrorCode::request_timeout, .message = "The request took too long to arrive."});
  } else {
    close(connection);
  }
}

void Listener::Impl::begin_stop() {
  if (!accept_again_) poller_.remove(listening_.get());
  listening_.reset();
  accept_again_.reset();
  cut_at_ = parts_.clock.now() + grace_.load();
  std::vector<Connection*> idle;
  for (const auto& [id, connection] : table_)
    if (connection->state != Connection::State::handling) idle.push_back(connection.get());
  for (Connection* connection : idle) close(*connection);
}

// Their handlers find the clients gone and return.
void Listener::Impl::cut_handled() {
  for (const auto& [id, connection] : table_)
    if (connection->state == Connection::State::handling)
      ::shutdown(connection->socket.get(), SHUT_RDWR);
}

// ---- connections ----------------------------------------------------------------------------

void Listener::Impl::accept_waiting() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    AcceptedSocket accepted;
    const AcceptStatus status = accept_on(listening_.get(), accepted);
    if (status == AcceptStatus::none_waiting) return;
    if (status == AcceptStatus::out_of_resources) return pause_accepting();
    take_in(std::move(accepted));
  }
}

void Listener::Impl::pause_accepting() {
  spdlog::warn("accept_paused listener={} reason=\"out of descriptors or memory\"", name_);
  poller_.remove(listening_.get());
  accept_again_ = parts_.clock.now() + kAcceptPause;
}

void Listener::Impl::take_in(AcceptedSocket accepted) {
  const MonotonicTime now = parts_.clock.now();
  std::string group =
      parts_.proxies.trusts(accepted.peer) ? std::string() : address_group(accepted.peer);
  const ConnectionTable::Room room = table_.make_room(group, now);
  if (room.to_close) close(*room.to_close);
  auto fresh =
      std::make_unique<Connection>(next_id_++, std::move(accepted), std::move(group), limits_);
  fresh->overflow = room.overflow;
  fresh->since = now;
  Connection& connection = table_.add(std::move(fresh));
  set_deadline(connection, now + (room.overflow ? kOverflowTimeout : limits_.header_timeout));
  poller_.add_once(connection.socket.get(), connection.id);
}

void Listener::Impl::read_from(Connection& connection) {
  const ssize_t count = ::recv(connection.socket.get(), buffer_.data(), buffer_.size(), 0);
  if (count > 0) return process(connection, {buffer_.data(), static_cast<std::size_t>(count)});
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return wait_for_bytes(connection);
  close(connection);
}

void Listener::Impl::discard_from(Connection& connection) {
  const ssize_t count = ::recv(connection.socket.get(), buffer_.data(), buffer_.size(), 0);
  if (count > 0) connection.lingered_bytes += static_cast<std::size_t>(count);
  const bool goes_on = count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
  if (goes_on && connection.lingered_bytes <= kMaxLingerBytes) return wait_for_bytes(connection);
  close(connection);
}

void Listener::Impl::wait_for_bytes(Connection& connection) {
  poller_.watch_again(connection.socket.get(), connection.id);
}

void Listener::Impl::set_deadline(Connection& connection, MonotonicTime deadline) {
  connection.deadline = deadline;
  next_deadline_ = std::min(next_deadline_, deadline);
}

// Closing at once with bytes unread would reset the connection and may destroy the answer on its
// way.
void Listener::Impl::linger(Connection& connection) {
  ::shutdown(connection.socket.get(), SHUT_WR);
  connection.state = Connection::State::lingering;
  connection.since = parts_.clock.now();
  set_deadline(connection, connection.since + kLingerTimeout);
  wait_for_bytes(connection);
}

void Listener::Impl::close(Connection& connection) {
  count_body(connection, 0);
  table_.remove(connection);
}

// ---- the public face --------------------------------------------------------------------------

Listener::Listener(const ListenerOptions& options, const ListenerParts& parts)
    : impl_(std::make_unique<Impl>(options, parts)) {}

Listener::~Listener() { impl_->stop(milliseconds(0)); }

void Listener::start() { impl_->start(); }
void Listener::stop(milliseconds grace) { impl_->stop(grace); }
int Listener::port() const { return impl_->port(); }
ListenerStats Listener::stats() const { return impl_->stats(); }

}  // namespace bafa::http
