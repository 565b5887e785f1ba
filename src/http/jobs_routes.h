// The native, asynchronous interface: /v1/jobs and everything below it. A job is visible to its
// tenant alone; for anybody else it does not exist.
#pragma once

#include "http/router.h"
#include "http/services.h"

namespace bafa::http {

// `services` must outlive the router.
void add_jobs_routes(Router& router, const Services& services);

}  // namespace bafa::http
