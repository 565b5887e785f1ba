#include "http/page_routes.h"

#include <string>

namespace bafa::http {
namespace {

// Nothing from elsewhere, nothing inline, no frame round it; pictures are fetched and shown as
// blobs.
constexpr char kContentSecurityPolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

HttpResponse send_file(const HttpRequest& request, const PageFile& file) {
  const std::string tag = "\"" + std::string(file.digest) + "\"";
  const std::string* known = request.header("If-None-Match");
  const bool unchanged = known && known->find(tag) != std::string::npos;
  HttpResponse response;
  response.status = 304;
  if (!unchanged)
    response = make_response(200, std::string(file.media_type), std::string(file.bytes));
  response.headers.add("ETag", tag);
  response.headers.add("Cache-Control", "no-cache");
  response.headers.add("Content-Security-Policy", kContentSecurityPolicy);
  response.headers.add("Referrer-Policy", "no-referrer");
  return response;
}

}  // namespace

void add_page_routes(Router& router) {
  for (const PageFile& file : page_files())
    router.add({.method = "GET",
                .pattern = std::string(file.path),
                .handler = [&file](const HttpRequest& request) { return send_file(request, file); },
                .kind = RouteKind::quick,
                .access = Access::open});
}

}  // namespace bafa::http
