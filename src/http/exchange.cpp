#include "http/exchange.h"

#include "base/log.h"
#include "http/error_response.h"

namespace bafa::http {
namespace {

constexpr int kClientClosedRequest = 499;

struct Answer {
  int status = 0;
  bool sent = false;
};

void log_failure(const ErrorDetails& failure, const Exchange& exchange) {
  if (mapping_of(failure.code).status < 500) return;
  log(spdlog::level::err, LogLine("request.failed")
                              .add("route", exchange.route.pattern)
                              .add("code", to_string(failure.code))
                              .add("request", exchange.context.request_id)
                              .add("reason", failure.message));
}

Answer answer(const Exchange& exchange, ResponseWriter& writer) {
  Answer answer;
  ErrorDetails failure;
  try {
    HttpResponse response = exchange.route.handler(exchange.request);
    answer.status = response.status;
    answer.sent = writer.send(std::move(response), exchange.context);
    return answer;
  } catch (const Error& error) {
    failure = details_of(error);
  } catch (const std::exception& error) {
    failure = {.code = ErrorCode::internal, .message = error.what()};
  }
  log_failure(failure, exchange);
  if (writer.begun()) return answer;  // a broken stream is cut, so that it cannot be taken as whole
  HttpResponse response = error_response(failure, error_shape_of(exchange.request.path));
  answer.status = response.status;
  answer.sent = writer.send(std::move(response), exchange.context);
  return answer;
}

}  // namespace

ExchangeOutcome run_exchange(const Exchange& exchange, ResponseWriter& writer, const Clock& clock) {
  const Answer answered = answer(exchange, writer);
  const std::chrono::duration<double> passed = clock.now() - exchange.began;
  return {.record = {.method = exchange.request.method,
                     .route = exchange.route.pattern,
                     .tenant = exchange.request.identity.tenant,
                     .request_id = exchange.context.request_id,
                     .status = answered.sent ? answered.status : kClientClosedRequest,
                     .sent_bytes = writer.sent_bytes(),
                     .seconds = passed.count()},
          .sent = answered.sent};
}

}  // namespace bafa::http
