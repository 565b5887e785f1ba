// Every route over a real engine with a fake pipeline, without a socket: a request goes straight to
// its handler, as the listener would send it.
#pragma once

#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "bafa/error.h"
#include "http/error_response.h"
#include "http/images_routes.h"
#include "http/jobs_routes.h"
#include "http/page_routes.h"
#include "http/router.h"
#include "http/server_routes.h"
#include "serve/job_engine.h"
#include "support/fake_pipeline.h"
#include "support/gate.h"
#include "support/manual_clock.h"

namespace bafa::test {

// Keeps what a stream writes; a client that can be told to leave.
class RecordingSink final : public http::BodySink {
 public:
  bool write(std::string_view bytes) override {
    text_ += bytes;
    return connected;
  }
  bool client_connected() const override { return connected; }

  const std::string& text() const { return text_; }

  std::atomic<bool> connected{true};

 private:
  std::string text_;
};

class RouteHarness {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;

  explicit RouteHarness(Config config = {}, Capabilities capabilities = fake_capabilities())
      : config_(std::move(config)),
        engine_([log = log_,
                 capabilities] { return std::make_unique<FakePipeline>(log, capabilities); },
                {.queue = config_.queue,
                 .results = config_.results,
                 .version = "test",
                 .on_finished = {}},
                clock) {
    log_->hook = [this](const FakeCall& call) {
      if (call.kind == CallKind::step) gate.pass();
    };
    gate.open();
    http::add_images_routes(router_, services_);
    http::add_jobs_routes(router_, services_);
    http::add_server_routes(router_, services_);
    http::add_operator_routes(router_, services_);
    http::add_page_routes(router_);
    engine_.start();
    while (engine_.readiness() == Readiness::loading) std::this_thread::yield();
  }
  ~RouteHarness() { gate.open(); }

  http::HttpResponse call(http::HttpRequest request) {
    const http::RouteMatch match = router_.match(request.method, request.path);
    if (!match.route)
      return http::error_response({.code = match.allowed.empty() ? ErrorCode::route_not_found
                                                                 : ErrorCode::method_not_allowed});
    request.parameters = match.parameters;
    try {
      return match.route->handler(request);
    } catch (const Error& error) {
      return http::error_response(http::details_of(error));
    }
  }

  static http::HttpRequest request(std::string method, std::string target, std::string body = "",
                                   const Fields& headers = {}) {
    http::HttpRequest request;
    request.method = std::move(method);
    const auto question = target.find('?');
    request.path = target.substr(0, question);
    if (question != target.npos) request.query = target.substr(question + 1);
    request.body = std::move(body);
    request.headers.add("Host", "localhost:7860");
    for (const auto& [name, value] : headers) request.headers.add(name, value);
    return request;
  }

  http::HttpResponse get(const std::string& target, const Fields& headers = {}) {
    return call(request("GET", target, "", headers));
  }
  http::HttpResponse post(const std::string& target, const Json& body, const Fields& headers = {}) {
    return call(request("POST", target, body.dump(), headers));
  }

  // Submits to /v1/jobs; the answer's id.
  JobId submit(const Json& body) {
    const Json answer = json_of(post("/v1/jobs", body));
    return answer.at("id").get<std::string>();
  }
  JobSnapshot wait_for_end(const JobId& id) {
    for (std::uint64_t seen = 0;;) {
      const auto job = engine_.wait(id, seen, std::chrono::seconds(10));
      if (is_end(job->state)) return *job;
      seen = job->version;
    }
  }
  // Lets time pass until the target answers with the status. A job is kept a moment after its end
  // is known, so that a clock which has moved on by then makes it stay for longer.
  void age_until(int status, const std::string& target) {
    while (get(target).status != status) {
      clock.advance(std::chrono::seconds(1));
      std::this_thread::yield();
    }
  }

  static Json json_of(const http::HttpResponse& response) { return Json::parse(response.bytes()); }
  static std::string header(const http::HttpResponse& response, std::string_view name) {
    const std::string* value = response.headers.find(name);
    return value ? *value : "";
  }
  // What a stream sends to a client that stays to its end.
  static std::string stream_of(const http::HttpResponse& response) {
    RecordingSink sink;
    response.stream(sink);
    return sink.text();
  }

  Engine& engine() { return engine_; }
  serve::JobEngine& job_engine() { return engine_; }
  FakeLog& log() { return *log_; }

  static std::shared_ptr<FakeLog> log_with_memory() {
    auto log = std::make_shared<FakeLog>();
    log->memory = {.device = "cpu",
                   .budget_bytes = 64 << 20,
                   .level = "turns",
                   .peak_bytes = 890,
                   .phases = {{"denoise", "turns", 900, 890}},
                   .components = {{"unet", "takes turns", 800, 7, 0}}};
    MemoryReport encoder;
    encoder.device = "cpu:1";
    encoder.used_bytes = 55;
    log->memory.elsewhere = {encoder};
    return log;
  }
  const http::Router& router() const { return router_; }

  ManualClock clock;
  std::optional<DeviceReadings> device_readings = DeviceReadings{.utilization = 0.5};
  Gate gate;  // every denoising step passes it; open until a test replaces it by close()

 private:
  Config config_;
  std::shared_ptr<FakeLog> log_ = log_with_memory();
  serve::JobEngine engine_;
  http::HttpMetrics metrics_;
  http::EncodedImages images_{{.threads = 1}, clock, metrics_};
  http::JobOutputs outputs_;
  http::Services services_{.engine = engine_,
                           .config = config_,
                           .clock = clock,
                           .metrics = metrics_,
                           .images = images_,
                           .outputs = outputs_,
                           .random_seed = [] { return std::int64_t{42}; },
                           .device_readings = [this] { return device_readings; }};
  http::Router router_;
};

}  // namespace bafa::test
