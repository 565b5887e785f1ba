// What the server says about itself: its models, its queue, its health, its figures.
#pragma once

#include "http/router.h"
#include "http/services.h"

namespace bafa::http {

// /v1/models, /v1/queue, /livez, /readyz and its aliases. `services` must outlive the router.
void add_server_routes(Router& router, const Services& services);

// /metrics: for the operator's listener, or the main one where there is no other.
void add_operator_routes(Router& router, const Services& services);

}  // namespace bafa::http
