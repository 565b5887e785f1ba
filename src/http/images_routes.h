// POST /v1/images/generations in all its forms, and the files that its `url` results name.
#pragma once

#include "http/router.h"
#include "http/services.h"

namespace bafa::http {

// `services` must outlive the router.
void add_images_routes(Router& router, const Services& services);

}  // namespace bafa::http
