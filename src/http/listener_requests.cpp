#include <algorithm>
#include <utility>

#include "http/listener_impl.h"
#include "http/request_log.h"
#include "http/socket.h"

namespace bafa::http {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxBodiesBytes = 64 << 20;  // of all request bodies together

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::string_view kMethods = "GET, HEAD, POST, DELETE, OPTIONS";

bool is_usable_request_id(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), fits);
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

HttpResponse unknown_route(const RouteMatch& match, ErrorShape shape) {
  if (match.allowed.empty())
    return error_response(
        {.code = ErrorCode::route_not_found,
         .message = "There is nothing at this path; README.md names what there is."},
        shape);
  HttpResponse response =
      error_response({.code = ErrorCode::method_not_allowed,
                      .message = "This path does not have this method; see the Allow header."},
                     shape);
  response.headers.add("Allow", join(match.allowed));
  return response;
}

HttpResponse too_many(std::string message, ErrorShape shape) {
  return error_response({.code = ErrorCode::rate_limited, .message = std::move(message)}, shape);
}

HttpResponse unauthorized(const AuthRefusal& refusal, ErrorShape shape) {
  HttpResponse response = error_response(refusal.details, shape);
  if (refusal.details.code == ErrorCode::invalid_api_key) {
    response.headers.add("WWW-Authenticate", "Bearer");
    response.headers.add("WWW-Authenticate", "Basic realm=\"bafa\", charset=\"UTF-8\"");
  }
  return response;
}

}  // namespace

void Listener::Impl::process(Connection& connection, std::string_view bytes) {
  for (;;) {
    RequestReader& reader = *connection.reader;
    const bool had_started = reader.started();
    reader.feed(bytes);
    if (!had_started && reader.started()) begin_head(connection);
    count_body(connection, reader.body_bytes());
    switch (reader.stage()) {
      case RequestReader::Stage::head: return wait_for_bytes(connection);
      case RequestReader::Stage::head_read:
        if (!admit(connection, !bytes.empty())) return;
        break;
      case RequestReader::Stage::body:
        if (bodies_bytes_ <= kMaxBodiesBytes) return wait_for_bytes(connection);
        refuse(connection, {.code = ErrorCode::rate_limited,
                            .message = "The server is receiving too much at once; try again."});
        return;
      case RequestReader::Stage::complete:
        if (!handle(connection, bytes)) return;
        break;
      case RequestReader::Stage::refused: refuse(connection, reader.refusal()); return;
    }
  }
}

void Listener::Impl::begin_head(Connection& connection) {
  connection.since = parts_.clock.now();
  connection.pending = {.request_id = new_request_id(), .began = connection.since};
  if (!connection.overflow) set_deadline(connection, connection.since + limits_.header_timeout);
}

// Decides by the head alone whether the request may go on, before its body is read.
bool Listener::Impl::admit(Connection& connection, bool body_has_begun) {
  const RequestHead& head = connection.reader->head();
  PendingRequest& pending = connection.pending;
  pending.began = parts_.clock.now();
  if (const std::string* id = head.headers.find("X-Request-Id"); id && is_usable_request_id(*id))
    pending.request_id = *id;
  pending.caller = parts_.proxies.caller_of(connection.peer, head.headers);
  if (std::optional<Objection> objection = objection_to(connection)) {
    if (objection->delay > milliseconds(0)) return hold_back(connection, std::move(*objection));
    return answer(connection, std::move(objection->response));
  }
  connection.reader->expect_body();
  if (connection.reader->stage() != RequestReader::Stage::body) return true;
  connection.since = pending.began;
  set_deadline(connection, connection.since + limits_.body_timeout);
  if (head.expect_continue && !body_has_begun)
    send_some(connection.socket.get(), kContinue, {});  // without it the client sends after a while
  return true;
}

std::optional<Listener::Impl::Objection> Listener::Impl::objection_to(Connection& connection) {
  const RequestHead& head = connection.reader->head();
  const ErrorShape shape = error_shape_of(head.path);
  PendingRequest& pending = connection.pending;
  const std::string group = address_group(pending.caller.address);
  if (const auto why = parts_.guards.check(head, connection.local))
    return Objection{error_response(*why, shape)};
  pending.cors_origin = parts_.guards.cors_origin(head);
  if (is_preflight(head)) return Objection{preflight_response()};
  pending.match = parts_.router.match(head.method, head.path);
  if (!pending.match.route) return Objection{unknown_route(pending.match, shape)};
  const Route& route = *pending.match.route;
  if (route.access == Access::keyed) {
    auto result = parts_.authenticator.authenticate(head.headers, group);
    if (const auto* refusal = std::get_if<AuthRefusal>(&result))
      return Objection{unauthorized(*refusal, shape), refusal->delay};
    pending.identity = std::get<Identity>(std::move(result));
  }
  if (connection.overflow && route.kind != RouteKind::immediate)
    return Objection{
        too_many("Too many connections are open, in all or from your address.", shape)};
  const bool by_proxy = connection.group.empty() && route.kind != RouteKind::immediate;
  if (by_proxy && !table_.begin_request(connection, group))
    return Objection{too_many("Too many requests of your address are here at once.", shape)};
  if (route.kind == RouteKind::waiting && !table_.take_waiting_place(connection))
    return Objection{
        too_many("Too many requests wait for jobs, in all or from your address; "
                 "poll jobs instead (POST /v1/jobs).",
                 shape)};
  return std::nullopt;
}

// Of an answer that comes after the head was read; a protocol error never keeps the connection.
AnswerContext Listener::Impl::context_of(const Connection& connection) const {
  const RequestHead& head = connection.reader->head();
  return {.request_id = connection.pending.request_id,
          .cors_origin = connection.pending.cors_origin,
          .method = head.method.empty() ? "GET" : head.method,
          .http_1_0 = head.http_1_0,
          .keep_alive = head.keep_alive && !connection.overflow && !stopping_};
}

bool Listener::Impl::handle(Connection& connection, std::string_view unread) {
  Exchange exchange = make_exchange(connection);
  if (exchange.route.kind != RouteKind::immediate) {
    hand_over(connection, std::move(exchange), unread);
    return false;
  }
  ResponseWriter writer(connection.socket.get(), parts_.clock, milliseconds(0));
  const ExchangeOutcome outcome = run_exchange(exchange, writer, parts_.clock);
  observe(outcome.record);
  return finish(connection, {connection.id, outcome.sent, exchange.context.keep_alive});
}

Exchange Listener::Impl::make_exchange(Connection& connection) {
  AnswerContext context = context_of(connection);
  PendingRequest& pending = connection.pending;
  std::string body = connection.reader->take_body();
  RequestHead head = connection.reader->take_head();
  const int socket = connection.socket.get();
  return {.route = *pending.match.route,
          .request = {.method = std::move(head.method),
                      .path = std::move(head.path),
                      .query = std::move(head.query),
                      .headers = std::move(head.headers),
                      .body = std::move(body),
                      .remote_address = pending.caller.address,
                      .secure = pending.caller.secure,
                      .request_id = pending.request_id,
                      .identity = std::move(pending.identity),
                      .parameters = std::move(pending.match.parameters),
                      .client_connected = [socket] { return peer_is_connected(socket); }},
          .context = std::move(context),
          .began = pending.began};
}

void Listener::Impl::hand_over(Connection& connection, Exchange exchange, std::string_view unread) {
  connection.unread = unread;
  connection.state = Connection::State::handling;
  ++at_handlers_;
  auto shared = std::make_shared<const Exchange>(std::move(exchange));
  threads_.submit([this, id = connection.id, socket = connection.socket.get(), shared] {
    ResponseWriter writer(socket, parts_.clock, limits_.write_timeout);
    const ExchangeOutcome outcome = run_exchange(*shared, writer, parts_.clock);
    observe(outcome.record);
    {
      const MutexLock lock(mutex_);
      handled_.push_back({id, outcome.sent, shared->context.keep_alive});
    }
    poller_.wake();
  });
}

bool Listener::Impl::refuse(Connection& connection, const ErrorDetails& why) {
  HttpResponse response = error_response(why, error_shape_of(connection.reader->head().path));
  if (why.code == ErrorCode::method_not_allowed)
    response.headers.add("Allow", std::string(kMethods));
  AnswerContext context = context_of(connection);
  context.keep_alive = false;
  return send_own(connection, std::move(response), context);
}

bool Listener::Impl::answer(Connection& connection, HttpResponse response) {
  AnswerContext context = context_of(connection);
  if (connection.reader->head().has_body()) context.keep_alive = false;  // it stays unread
  return send_own(connection, std::move(response), context);
}

bool Listener::Impl::send_own(Connection& connection, HttpResponse response,
                              const AnswerContext& context) {
  const PendingRequest& pending = connection.pending;
  RequestRecord record{.method = connection.reader->head().method,
                       .route = pending.match.route ? pending.match.route->pattern : "",
                       .request_id = pending.request_id,
                       .status = response.status};
  ResponseWriter writer(connection.socket.get(), parts_.clock, milliseconds(0));
  const bool sent = writer.send(std::move(response), context);
  const std::chrono::duration<double> passed = parts_.clock.now() - pending.began;
  record.sent_bytes = writer.sent_bytes();
  record.seconds = passed.count();
  observe(record);
  return finish(connection, {connection.id, sent, context.keep_alive});
}

bool Listener::Impl::finish(Connection& connection, const Handled& handled) {
  if (handled.sent && handled.keep_alive && !stopping_) {
    begin_next_request(connection);
    return true;
  }
  if (handled.sent && !stopping_) {
    linger(connection);
  } else {
    close(connection);
  }
  return false;
}

bool Listener::Impl::hold_back(Connection& connection, Objection objection) {
  connection.state = Connection::State::delayed;
  connection.delayed_answer = std::move(objection.response);
  connection.since = parts_.clock.now();
  set_deadline(connection, connection.since + objection.delay);
  return false;
}

void Listener::Impl::begin_next_request(Connection& connection) {
  count_body(connection, 0);
  table_.end_request(connection);
  connection.reader.emplace(limits_);
  connection.pending = {};
  connection.since = parts_.clock.now();
  set_deadline(connection, connection.since + limits_.keep_alive_timeout);
}

void Listener::Impl::count_body(Connection& connection, std::size_t bytes) {
  bodies_bytes_ += bytes - std::exchange(connection.counted_body_bytes, bytes);
}

void Listener::Impl::observe(const RequestRecord& record) {
  log_request(record);
  if (parts_.on_answer) parts_.on_answer(record);
}

std::string Listener::Impl::new_request_id() {
  return request_id_prefix_ + "-" + std::to_string(++requests_);
}

}  // namespace bafa::http
