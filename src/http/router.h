// Which handler answers a method and path. Filled once before the listener starts, then read by its
// threads without a lock. Patterns are compared segment by segment, never by regular expression.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace bafa::http {

// What a handler may do to the thread that runs it.
enum class RouteKind {
  immediate,  // on the listener's own thread: answers from memory at once, short, never a stream
  quick,      // on a handler thread: does its work and returns (polling, cancelling, fetching)
  waiting,    // on a handler thread: may wait for a job; a quarter of the connections is kept from
              // these, so that polls and cancels always find room
};

enum class Access {
  keyed,  // needs a key where keys are configured
  open,   // never does (health)
};

// May throw Error; the listener turns it into its answer.
using Handler = std::function<HttpResponse(const HttpRequest&)>;

struct Route {
  std::string method;   // "GET" also answers HEAD; "*" is any method
  std::string pattern;  // "/v1/jobs/{id}/result"; a last segment "*" is any non-empty rest
  Handler handler;
  RouteKind kind = RouteKind::quick;
  Access access = Access::keyed;
};

struct RouteMatch {
  const Route* route = nullptr;  // null: 404, or 405 when other methods are allowed
  PathParameters parameters;
  std::vector<std::string> allowed;  // methods this path has, for the Allow header of a 405
};

class Router {
 public:
  // CHECKs that the pattern is well-formed and new.
  void add(Route route);

  // The most literal pattern wins; one that ends in "*" answers only what no other pattern knows.
  RouteMatch match(std::string_view method, std::string_view path) const;

  // Every route as "GET /v1/jobs/{id}", in the order in which they were added.
  std::vector<std::string> names() const;

 private:
  struct Entry {
    Route route;
    std::vector<std::string> segments;
  };

  std::vector<Entry> entries_;
};

}  // namespace bafa::http
