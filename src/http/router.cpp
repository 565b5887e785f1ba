#include "http/router.h"

#include <algorithm>
#include <optional>

#include "base/check.h"

namespace bafa::http {
namespace {

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  path.remove_prefix(1);
  for (;;) {
    const std::size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool is_parameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

bool is_wildcard(const std::vector<std::string>& segments) { return segments.back() == "*"; }

// A parameter never stands for nothing or for a place in the tree.
std::optional<std::string> parameter_value(std::string_view segment) {
  std::optional<std::string> value = percent_decode(segment);
  if (!value || value->empty() || *value == "." || *value == "..") return std::nullopt;
  return value;
}

// Parameters of `path` under `pattern`; nullopt when it does not fit.
std::optional<PathParameters> fit(const std::vector<std::string>& pattern,
                                  const std::vector<std::string_view>& path) {
  const bool open_end = is_wildcard(pattern);
  const std::size_t fixed = pattern.size() - (open_end ? 1 : 0);
  if (open_end ? path.size() < pattern.size() : path.size() != fixed) return std::nullopt;
  PathParameters parameters;
  for (std::size_t i = 0; i < fixed; ++i) {
    if (!is_parameter(pattern[i])) {
      if (pattern[i] != path[i]) return std::nullopt;
      continue;
    }
    std::optional<std::string> value = parameter_value(path[i]);
    if (!value) return std::nullopt;
    parameters.emplace_back(pattern[i].substr(1, pattern[i].size() - 2), std::move(*value));
  }
  return parameters;
}

bool answers(const Route& route, std::string_view method) {
  return route.method == "*" || route.method == method ||
         (route.method == "GET" && method == "HEAD");
}

void add_unique(std::vector<std::string>& list, std::string method) {
  if (std::find(list.begin(), list.end(), method) == list.end()) list.push_back(std::move(method));
}

}  // namespace

void Router::add(Route route) {
  CHECK(!route.pattern.empty() && route.pattern.front() == '/' && route.handler);
  for (const Entry& entry : entries_)
    CHECK(entry.route.pattern != route.pattern || entry.route.method != route.method);
  const std::vector<std::string_view> segments = split(route.pattern);
  entries_.push_back({std::move(route), {}});
  Entry& entry = entries_.back();
  entry.segments.assign(segments.begin(), segments.end());
}

std::vector<std::string> Router::names() const {
  std::vector<std::string> names;
  for (const Entry& entry : entries_)
    names.push_back(entry.route.method + " " + entry.route.pattern);
  return names;
}

RouteMatch Router::match(std::string_view method, std::string_view path) const {
  RouteMatch best;
  if (path.empty() || path.front() != '/') return best;
  const std::vector<std::string_view> segments = split(path);
  for (const bool wildcards : {false, true}) {
    for (const Entry& entry : entries_) {
      if (is_wildcard(entry.segments) != wildcards) continue;
      std::optional<PathParameters> parameters = fit(entry.segments, segments);
      if (!parameters) continue;
      add_unique(best.allowed, entry.route.method);
      if (entry.route.method == "GET") add_unique(best.allowed, "HEAD");
      if (!answers(entry.route, method)) continue;
      if (best.route && best.parameters.size() <= parameters->size()) continue;
      best.route = &entry.route;
      best.parameters = std::move(*parameters);
    }
    if (!best.allowed.empty()) return best;
  }
  return best;
}

}  // namespace bafa::http
