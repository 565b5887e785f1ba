#include "http/server_routes.h"

#include <nlohmann/json.hpp>

#include "http/error_response.h"
#include "http/job_codec.h"

namespace bafa::http {
namespace {

HttpResponse json_response(const Json& json) {
  return make_response(200, "application/json", json.dump());
}

template <typename T>
Json range_json(const Range<T>& range) {
  return {{"min", range.min}, {"max", range.max}, {"default", range.fallback}};
}

// What a caller may ask of the model: for people who write clients, and for the page.
Json capabilities_json(const Capabilities& model) {
  return {{"width", range_json(model.size.width)},
          {"height", range_json(model.size.height)},
          {"size_multiple", model.size.multiple},
          {"max_pixels", model.size.max_pixels},
          {"steps", range_json(model.steps)},
          {"guidance_scale", range_json(model.guidance_scale)},
          {"no_guidance_until", model.no_guidance_until},
          {"guidance_rescale", range_json(model.guidance_rescale)},
          {"cfg_normalization", range_json(model.cfg_normalization)},
          {"cfg_truncation", range_json(model.cfg_truncation)},
          {"clip_skip", range_json(model.clip_skip)},
          {"n", range_json(model.images)},
          {"negative_prompt", model.negative_prompt},
          {"samplers", model.samplers},
          {"max_prompt_bytes", model.max_prompt_bytes},
          {"max_prompt_tokens", model.max_prompt_tokens},
          {"previews", model.previews},
          {"output_formats", {"png", "jpeg", "webp"}}};
}

Json model_json(const Capabilities& model, std::int64_t created) {
  return {{"id", model.model},      {"object", "model"},
          {"created", created},     {"owned_by", "bafa"},
          {"family", model.family}, {"capabilities", capabilities_json(model)}};
}

std::shared_ptr<const Capabilities> loaded_model(const Services& services) {
  auto model = services.engine.capabilities();
  if (!model) throw Error(ErrorCode::loading, "the model is being loaded; try again in a moment");
  return model;
}

template <typename T>
Json optional_json(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

// Null without a GPU that tells of itself.
Json device_json(const std::optional<DeviceReadings>& device) {
  if (!device) return nullptr;
  return {{"memory_used_bytes", optional_json(device->memory_used_bytes)},
          {"memory_total_bytes", optional_json(device->memory_total_bytes)},
          {"utilization", optional_json(device->utilization)},
          {"temperature_celsius", optional_json(device->temperature_celsius)}};
}

HttpResponse queue_state(const Services& services) {
  const QueueSnapshot queue = services.engine.queue();
  return json_response({{"depth", queue.depth},
                        {"capacity", queue.capacity},
                        {"running", queue.running},
                        {"eta_seconds", rounded_seconds(queue.eta_seconds)},
                        {"device", device_json(services.device_readings())}});
}

Json phase_json(const MemoryReport::Phase& phase) {
  return {{"phase", phase.name},
          {"level", phase.level},
          {"predicted_bytes", phase.predicted_bytes},
          {"measured_bytes", phase.measured_bytes}};
}

Json component_json(const MemoryReport::Component& part) {
  return {{"component", part.name},
          {"placement", part.placement},
          {"weights_bytes", part.weights_bytes},
          {"present_bytes", part.present_bytes},
          {"copied_bytes", part.copied_bytes}};
}

Json memory_json(const MemoryReport& memory) {
  Json json = {{"device", memory.device},
               {"budget_bytes", memory.budget_bytes},
               {"level", memory.level},
               {"planned_bytes", memory.planned_bytes},
               {"workspace_bytes", memory.workspace_bytes},
               {"used_bytes", memory.used_bytes},
               {"peak_bytes", memory.peak_bytes},
               {"weights_bytes", memory.weights_bytes},
               {"activations_bytes", memory.activations_bytes},
               {"cache_bytes", memory.cache_bytes},
               {"host_bytes", memory.host_bytes},
               {"refusals", memory.refusals},
               {"phases", Json::array()},
               {"components", Json::array()},
               {"elsewhere", Json::array()}};
  for (const auto& phase : memory.phases) json["phases"].push_back(phase_json(phase));
  for (const auto& part : memory.components) json["components"].push_back(component_json(part));
  for (const auto& device : memory.elsewhere) json["elsewhere"].push_back(memory_json(device));
  return json;
}

// The plan in force and what was measured under it.
HttpResponse memory_state(const Services& services) {
  const std::optional<MemoryReport> memory = services.engine.memory();
  if (!memory) throw Error(ErrorCode::loading, "the model is being loaded; try again in a moment");
  return json_response(memory_json(*memory));
}

HttpResponse readiness(const Services& services) {
  switch (services.engine.readiness()) {
    case Readiness::ready: return json_response({{"status", "ready"}});
    case Readiness::loading:
      return error_response({.code = ErrorCode::loading, .message = "the model is being loaded"});
    case Readiness::draining:
      return error_response({.code = ErrorCode::draining, .message = "the server is stopping"});
    case Readiness::device_error: break;
  }
  return error_response({.code = ErrorCode::device_error, .message = "the device failed"});
}

}  // namespace

void add_server_routes(Router& router, const Services& services) {
  const std::int64_t created = unix_seconds(services.clock.wall_now());
  router.add({.method = "GET",
              .pattern = "/v1/models",
              .handler = [&services, created](const HttpRequest&) {
                Json data = Json::array({model_json(*loaded_model(services), created)});
                return json_response({{"object", "list"}, {"data", data}, {"has_more", false}});
              }});
  router.add({.method = "GET",
              .pattern = "/v1/models/{id}",
              .handler = [&services, created](const HttpRequest& request) {
                const auto model = loaded_model(services);
                if (request.parameter("id") != model->model)
                  throw Error(ErrorCode::model_not_found,
                              "there is no such model; GET /v1/models lists what there is");
                return json_response(model_json(*model, created));
              }});
  router.add({.method = "GET", .pattern = "/v1/queue", .handler = [&services](const HttpRequest&) {
                return queue_state(services);
              }});
  router.add({.method = "GET",
              .pattern = "/livez",
              .handler = [](const HttpRequest&) { return json_response({{"status", "alive"}}); },
              .kind = RouteKind::immediate,
              .access = Access::open});
  for (const char* pattern : {"/readyz", "/health", "/v2/health/ready"})
    router.add({.method = "GET",
                .pattern = pattern,
                .handler = [&services](const HttpRequest&) { return readiness(services); },
                .kind = RouteKind::immediate,
                .access = Access::open});
}

void add_operator_routes(Router& router, const Services& services) {
  router.add({.method = "GET",
              .pattern = "/admin/memory",
              .handler = [&services](const HttpRequest&) { return memory_state(services); }});
  router.add({.method = "GET", .pattern = "/metrics", .handler = [&services](const HttpRequest&) {
                return make_response(
                    200, "text/plain; version=0.0.4; charset=utf-8",
                    services.engine.metrics() + services.metrics.text(services.open_connections(),
                                                                      services.device_readings()));
              }});
}

}  // namespace bafa::http
