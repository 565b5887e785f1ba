// Names of jobs. An id is also the only key to a job's pictures for whoever holds it, so it comes
// from the operating system's generator. Any thread.
#pragma once

#include "bafa/engine.h"

namespace bafa::serve {

// 128 random bits as 32 lower-case hex digits. Throws Error{internal} when the system has none.
JobId new_job_id();

}  // namespace bafa::serve
