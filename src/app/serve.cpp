#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/service_notifier.h"
#include "app/signals.h"
#include "app/warm_up.h"
#include "bafa/error.h"
#include "base/clock.h"
#include "base/log.h"
#include "device/gpu_monitor.h"
#include "http/encoded_images.h"
#include "http/http_metrics.h"
#include "http/images_routes.h"
#include "http/job_outputs.h"
#include "http/jobs_routes.h"
#include "http/page_routes.h"
#include "http/server.h"
#include "http/server_routes.h"
#include "http/services.h"
#include "serve/job_engine.h"

namespace bafa::app {
namespace {

constexpr int kNoAdminPort = -1;
constexpr std::chrono::seconds kLastStep{30};  // drained jobs end at the boundary of one

http::EncodedImagesOptions encoding_options() {
  constexpr unsigned kMaxThreads = 4;
  return {.threads = static_cast<int>(
              std::clamp(std::thread::hardware_concurrency() / 2, 1u, kMaxThreads))};
}

std::string url(const std::string& host, int port) {
  const bool v6 = host.find(':') != std::string::npos;
  return "http://" + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

// Everything that serves, in the order in which it depends on what stands above: destroyed from
// below, so that no request stands in an engine that is gone.
class Application {
 public:
  explicit Application(const Config& config)
      : config_(config),
        load_options_(load_options(config_)),
        notifier_(notify_options_from_environment(), clock_),
        images_(encoding_options(), clock_, http_metrics_),
        engine_([this] { return load(); }, engine_options(), clock_),
        server_({.listen = config_.listen, .transport = config_.transport}, server_parts()) {}

  int run() {
    add_routes();
    server_.start();
    announce();
    engine_.start();  // last: a wrong option or a port that is taken costs no loading
    for (bool draining = false;;) {
      notifier_.tell({engine_.readiness(), engine_.turns(), engine_.queue(), longest_call_.load()});
      switch (signals_.wait(notifier_.interval())) {
        case Event::reload_signal: reload(); break;
        case Event::woken: return finish();
        case Event::timed_out: break;
        case Event::stop_signal:
          if (draining) return stop_at_once();
          // Nothing was accepted yet, and loading cannot be interrupted.
          if (engine_.readiness() == Readiness::loading) leave(kOk);
          draining = true;
          drain();
          break;
      }
    }
  }

 private:
  // On the worker's thread.
  std::unique_ptr<Pipeline> load() {
    auto pipeline = pipeline::load(load_options_);
    if (config_.model.warm_up) {
      longest_call_ =
          longest_call(warm_up(*pipeline), pipeline->capabilities(), config_.queue.max_batch);
    }
    monitor_ = std::shared_ptr<const device::GpuMonitor>(
        device::open_device_monitor(pipeline->memory().device));
    return pipeline;
  }

  std::optional<DeviceReadings> device_readings() const {
    const std::shared_ptr<const device::GpuMonitor> monitor = monitor_.load();
    return monitor ? std::optional(monitor->read()) : std::nullopt;
  }

  serve::EngineOptions engine_options() {
    return {.queue = config_.queue,
            .results = config_.results,
            .version = std::string(version()),
            .longest_rest = notifier_.longest_rest(),
            .on_finished = [this] { signals_.wake(); }};
  }

  http::ServerParts server_parts() {
    return {.routes = router_,
            .admin_routes = admin_router_,
            .clock = clock_,
            .on_answer = [this](const http::RequestRecord& record) {
              http_metrics_.count_request(record.route, record.status);
            }};
  }

  void add_routes() {
    http::add_images_routes(router_, services_);
    http::add_jobs_routes(router_, services_);
    http::add_server_routes(router_, services_);
    http::add_page_routes(router_);
    const bool own_port = config_.listen.admin_port != kNoAdminPort;
    http::add_operator_routes(own_port ? admin_router_ : router_, services_);
  }

  void announce() {
    std::printf("listening on %s\n", url(config_.listen.host, server_.port()).c_str());
    if (server_.admin_port() != kNoAdminPort) {
      std::printf("metrics on %s/metrics\n",
                  url(config_.listen.admin_host, server_.admin_port()).c_str());
    }
    std::fflush(stdout);
  }

  void reload() {
    notifier_.reloading();
    if (!config_.log.file.empty()) reload("log", [] { reopen_log(); });
    if (!config_.listen.keys_file.empty()) reload("keys", [this] { server_.reload_keys(); });
    notifier_.reloaded();
  }

  // Caught here: what is wrong with a new file must not end a server that works with the old one.
  template <typename Action>
  void reload(std::string_view what, Action&& action) {
    try {
      action();
      log(spdlog::level::info, LogLine("reloaded").add("what", what));
    } catch (const Error& error) {
      log(spdlog::level::err, LogLine("reload.failed")
                                  .add("what", what)
                                  .add("reason", error.what())
                                  .add("instead", "the old one stays"));
    }
  }

  void drain() {
    log(spdlog::level::info,
        LogLine("draining").add("drain_timeout_seconds", config_.queue.drain_timeout.count()));
    engine_.drain();
    notifier_.stopping(config_.queue.drain_timeout + config_.transport.write_timeout + kLastStep);
  }

  // The worker has ended: it drained, or it failed, which finished() throws.
  int finish() {
    signals_.release();
    server_.stop(config_.transport.write_timeout);
    engine_.finished().get();
    log(spdlog::level::info, LogLine("stopped").add("exit_code", kOk));
    return kOk;
  }

  // Waits for the device no longer than a person would: it may be what hangs.
  int stop_at_once() {
    constexpr std::chrono::seconds kPatience{2};
    signals_.release();
    engine_.stop();
    server_.stop(std::chrono::milliseconds(0));
    if (engine_.finished().wait_for(kPatience) != std::future_status::ready) leave(kInterrupted);
    return kInterrupted;
  }

  // Without waiting for the worker's thread.
  [[noreturn]] static void leave(int exit_code) {
    log(spdlog::level::info, LogLine("stopped").add("exit_code", exit_code));
    std::_Exit(exit_code);
  }

  const Config config_;
  const pipeline::LoadOptions load_options_;  // the model's folder was found
  Signals signals_;                           // before the first thread
  SystemClock clock_;
  ServiceNotifier notifier_;
  std::atomic<std::shared_ptr<const device::GpuMonitor>> monitor_;
  std::atomic<std::chrono::milliseconds> longest_call_{};  // 0 until the model has painted
  http::HttpMetrics http_metrics_;
  http::EncodedImages images_;
  http::JobOutputs outputs_;
  serve::JobEngine engine_;
  http::Services services_{.engine = engine_,
                           .config = config_,
                           .clock = clock_,
                           .metrics = http_metrics_,
                           .images = images_,
                           .outputs = outputs_,
                           .random_seed = random_seed,
                           .device_readings = [this] { return device_readings(); }};
  http::Router router_;
  http::Router admin_router_;
  http::Server server_;
};

}  // namespace

int run(const ServeCommand& command) {
  init_log(command.config.log);
  return Application(command.config).run();
}

}  // namespace bafa::app
