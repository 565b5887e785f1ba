// One line of the log for each job, at its end. Any thread.
#pragma once

#include <string>

#include "bafa/engine.h"

namespace bafa::serve {

struct JobLogExtras {
  std::string request_id;  // of the request that submitted it
  double e2e_seconds = 0;  // from accepted to the end
};

void log_job(const JobSnapshot& job, const JobLogExtras& extras);

}  // namespace bafa::serve
