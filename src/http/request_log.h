// One line of the log for each request, at `info`; failures of the server at `warn`, what is asked
// every few seconds (health, metrics) at `debug`. Any thread.
#pragma once

#include "http/listener.h"

namespace bafa::http {

void log_request(const RequestRecord& record);

}  // namespace bafa::http
