// One whole request and its answer: runs the handler, turns what it throws into an answer, sends it
// and says what became of it. Holds the one catch site of this room. Called by a handler thread, or
// by the listener's own for immediate routes.
#pragma once

#include "http/listener.h"
#include "http/message.h"
#include "http/response_writer.h"
#include "http/router.h"

namespace bafa::http {

struct Exchange {
  const Route& route;
  HttpRequest request;
  AnswerContext context;
  MonotonicTime began{};
};

struct ExchangeOutcome {
  RequestRecord record;
  bool sent = false;  // all of it; the connection may be used again
};

ExchangeOutcome run_exchange(const Exchange& exchange, ResponseWriter& writer, const Clock& clock);

}  // namespace bafa::http
