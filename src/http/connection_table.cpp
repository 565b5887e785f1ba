#include "http/connection_table.h"

#include "base/check.h"

namespace bafa::http {
namespace {

// A body that arrives may take this long before it counts as slow.
constexpr std::chrono::seconds kBodyGrace{1};

int waiting_share(int cap) { return cap - (cap + 3) / 4; }

// The lower, the sooner it is closed; nullopt: never.
std::optional<int> rank(const Connection& connection, MonotonicTime now) {
  switch (connection.state) {
    case Connection::State::handling: return std::nullopt;
    case Connection::State::lingering: return 0;
    case Connection::State::delayed: return 1;
    case Connection::State::reading: break;
  }
  if (!connection.reader->started()) return 2;
  if (connection.reader->stage() == RequestReader::Stage::head) return 3;
  if (now - connection.since >= kBodyGrace) return 4;
  return std::nullopt;
}

}  // namespace

Connection* ConnectionTable::most_dispensable(Scope scope, const std::string* group,
                                              MonotonicTime now) {
  Connection* best = nullptr;
  int best_rank = 0;
  for (const auto& [id, connection] : connections_) {
    if (connection->overflow != (scope == Scope::overflow)) continue;
    if (group && connection->group != *group) continue;
    const std::optional<int> its_rank = rank(*connection, now);
    if (!its_rank) continue;
    const bool better = !best || *its_rank < best_rank ||
                        (*its_rank == best_rank && connection->since < best->since);
    if (!better) continue;
    best = connection.get();
    best_rank = *its_rank;
  }
  return best;
}

ConnectionTable::Room ConnectionTable::make_room(const std::string& group, MonotonicTime now) {
  const auto found = group.empty() ? groups_.end() : groups_.find(group);
  const bool group_full = found != groups_.end() && found->second.connections >= caps_.per_address;
  if (!group_full && regular_ < caps_.total) return {};
  if (Connection* victim = most_dispensable(Scope::regular, group_full ? &group : nullptr, now))
    return {.to_close = victim};
  if (overflow_ < caps_.overflow) return {.overflow = true};
  return {.to_close = most_dispensable(Scope::overflow, nullptr, now), .overflow = true};
}

Connection& ConnectionTable::add(std::unique_ptr<Connection> connection) {
  Connection& added = *connection;
  if (added.overflow) {
    ++overflow_;
  } else {
    ++regular_;
    if (!added.group.empty()) ++groups_[added.group].connections;
  }
  connections_.emplace(added.id, std::move(connection));
  return added;
}

void ConnectionTable::remove(Connection& connection) {
  end_request(connection);
  if (connection.overflow) {
    --overflow_;
  } else {
    --regular_;
    if (!connection.group.empty()) leave(connection.group);
  }
  connections_.erase(connection.id);
}

Connection* ConnectionTable::find(std::uint64_t id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
}

void ConnectionTable::leave(const std::string& name) {
  const auto group = groups_.find(name);
  if (--group->second.connections == 0) groups_.erase(group);
}

bool ConnectionTable::begin_request(Connection& connection, const std::string& group) {
  CHECK(connection.group.empty() && connection.pending.group.empty());
  const auto found = groups_.find(group);
  if (found != groups_.end() && found->second.connections >= caps_.per_address) return false;
  ++groups_[group].connections;
  connection.pending.group = group;
  return true;
}

void ConnectionTable::end_request(Connection& connection) {
  give_waiting_place_back(connection);
  if (connection.pending.group.empty()) return;
  leave(connection.pending.group);
  connection.pending.group.clear();
}

const std::string& ConnectionTable::waiting_group(const Connection& connection) {
  return connection.group.empty() ? connection.pending.group : connection.group;
}

bool ConnectionTable::take_waiting_place(Connection& connection) {
  CHECK(!connection.overflow && !connection.holds_waiting_place);
  Group& group = groups_.at(waiting_group(connection));
  if (waiting_ >= waiting_share(caps_.total) || group.waiting >= waiting_share(caps_.per_address))
    return false;
  ++waiting_;
  ++group.waiting;
  connection.holds_waiting_place = true;
  return true;
}

void ConnectionTable::give_waiting_place_back(Connection& connection) {
  if (!connection.holds_waiting_place) return;
  connection.holds_waiting_place = false;
  --waiting_;
  --groups_.at(waiting_group(connection)).waiting;
}

}  // namespace bafa::http
