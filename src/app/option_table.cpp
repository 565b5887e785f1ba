#include <string>

#include "app/options.h"

namespace bafa::app {
namespace {

constexpr std::int64_t kMaxPort = 65535;
constexpr std::int64_t kMaxSeconds = 30 * 24 * 3600;
constexpr std::int64_t kMaxThreads = 1024;

std::vector<Option> model_options(ModelConfig& model) {
  return {
      {"model.path", "--model",
       "a model folder in diffusers layout; a relative one is looked for here, then beside the "
       "program",
       &model.path},
      {"model.device", "--device", "where it is painted: cpu, cuda:0, ...", &model.device},
      {"model.device_map", "--device-map",
       "components that are elsewhere, such as encoder=cpu,decoder=cuda:1; a denoiser may be there "
       "too, and cpu:N is a part of the processor's memory with a budget of its own",
       &model.device_map},
      {.path = "model.dtype",
       .flag = "--dtype",
       .description = "number format of the networks, auto for what the device is fastest at",
       .target = &model.dtype,
       .choices = {"auto", "fp32", "bf16", "fp16"}},
      {"model.threads", "--threads", "of the networks on a CPU; 0: one per core", &model.threads, 0,
       kMaxThreads},
      {"model.warm_up", "", "the server paints once before it is ready", &model.warm_up},
  };
}

std::vector<Option> memory_options(MemoryConfig& memory) {
  return {
      {"memory.budget_bytes", "--budget",
       "device memory that the model may use, such as 8GiB; 0: no limit", &memory.budget_bytes},
      {"memory.device_budgets", "--device-budget",
       "of the further devices of a device map, such as cpu=2GiB; separated by commas",
       &memory.device_budgets},
      {.path = "memory.level",
       .flag = "",
       .description = "what is given up for it, auto for the least that fits",
       .target = &memory.level,
       .choices = {"auto", "resident", "turns", "sliced", "partial", "streamed"}},
      {"memory.explain", "--explain", "log why weights come to the device and leave it",
       &memory.explain},
      {"memory.host_folder", "",
       "where weights wait that are off the device; empty: the system's temporary folder",
       &memory.host_folder},
      {"memory.host_limit_bytes", "", "of those; 0: no limit", &memory.host_limit_bytes},
  };
}

std::vector<Option> listen_options(ListenConfig& listen) {
  return {
      {"listen.host", "--host", "address to listen on", &listen.host},
      {"listen.port", "--port", "0: a free one, which is printed", &listen.port, 0, kMaxPort},
      {"listen.admin_host", "--admin-host", "address of the operator's port", &listen.admin_host},
      {"listen.admin_port", "--admin-port", "for /metrics; 0: a free one, -1: on the main port",
       &listen.admin_port, -1, kMaxPort},
      {"listen.allowed_hosts", "--allow-host",
       "names that a Host header may have, beside localhost and the address; separated by commas",
       &listen.allowed_hosts},
      {"listen.allowed_origins", "--allow-origin",
       "web pages that may call the server from elsewhere; separated by commas",
       &listen.allowed_origins},
      {"listen.trusted_proxies", "--trust-proxy",
       "addresses or networks of proxies whose X-Forwarded-For and -Proto are believed; separated "
       "by commas",
       &listen.trusted_proxies},
      {"listen.keys_file", "--keys", "file of API keys; without one only this machine is served",
       &listen.keys_file},
      {"listen.insecure", "--insecure", "listen on a public address without keys",
       &listen.insecure},
  };
}

std::vector<Option> transport_options(TransportConfig& transport) {
  return {
      {"transport.max_connections", "", "in all", &transport.max_connections, 1, 1'000'000},
      {"transport.max_connections_per_address", "", "from one address",
       &transport.max_connections_per_address, 1, 1'000'000},
      {"transport.header_timeout_seconds", "", "to receive the whole head",
       &transport.header_timeout, 1, kMaxSeconds},
      {"transport.body_timeout_seconds", "", "to receive the whole body", &transport.body_timeout,
       1, kMaxSeconds},
      {"transport.keep_alive_timeout_seconds", "", "an idle connection is kept",
       &transport.keep_alive_timeout, 1, kMaxSeconds},
      {"transport.write_timeout_seconds", "", "for a reader that takes nothing",
       &transport.write_timeout, 1, kMaxSeconds},
      {"transport.max_body_bytes", "", "of one request", &transport.max_body_bytes, 1, 1 << 30},
      {"transport.max_header_line_bytes", "", "of one header", &transport.max_header_line_bytes,
       256, 1 << 20},
      {"transport.max_header_bytes", "", "of all headers", &transport.max_header_bytes, 1024,
       1 << 24},
      {"transport.max_headers", "", "of one request", &transport.max_headers, 8, 10'000},
      {"transport.max_path_bytes", "", "of a path with its query", &transport.max_path_bytes, 64,
       1 << 20},
  };
}

std::vector<Option> queue_options(QueueConfig& queue) {
  return {
      {"queue.capacity", "--queue-capacity", "jobs that may wait; one more is refused",
       &queue.capacity, 1, 100'000},
      {"queue.max_batch", "--max-batch", "pictures painted together", &queue.max_batch, 1, 256},
      {"queue.start_timeout_seconds", "", "a job that has not started by then expires; 0: never",
       &queue.start_timeout, 0, kMaxSeconds},
      {"queue.drain_timeout_seconds", "", "running jobs may finish within it after SIGTERM",
       &queue.drain_timeout, 0, kMaxSeconds},
      {"queue.idle_after_seconds", "", "caches are given back when there was nothing to do so long",
       &queue.idle_after, 1, kMaxSeconds},
  };
}

std::vector<Option> result_options(ResultsConfig& results) {
  return {
      {"results.ttl_seconds", "", "ended jobs and their pictures are kept", &results.ttl, 1,
       kMaxSeconds},
      {"results.max_bytes", "", "of pictures kept, 3 a pixel; then the oldest go",
       &results.max_bytes, 1 << 20},
      {"results.max_jobs", "", "ended jobs kept; then the oldest go", &results.max_jobs, 1,
       1'000'000},
      {"results.state_dir", "--state-dir",
       "folder for finished pictures, which are kept in memory without one", &results.state_dir},
  };
}

std::vector<Option> limit_options(LimitsConfig& limits) {
  return {
      {"limits.max_images", "", "of one request", &limits.max_images, 1, 1000},
      {"limits.max_steps", "", "of one request", &limits.max_steps, 1, 1000},
      {"limits.max_pixels", "", "width times height; 0: the model's own limit", &limits.max_pixels,
       0, std::int64_t{1} << 32},
      {"limits.max_prompt_bytes", "", "of one prompt", &limits.max_prompt_bytes, 1, 1 << 20},
  };
}

std::vector<Option> text_options(TextConfig& text) {
  return {
      {.path = "text.special_tokens",
       .flag = "",
       .description = "whether prompts may spell a tokenizer's special tokens (match) or those are "
                      "ordinary text (plain), for servers open to strangers",
       .target = &text.special_tokens,
       .choices = {"match", "plain"}},
  };
}

std::vector<Option> log_options(LogConfig& log) {
  return {
      {.path = "log.level",
       .flag = "--log-level",
       .description = "least severe events to log",
       .target = &log.level,
       .choices = {"trace", "debug", "info", "warn", "error", "off"}},
      {"log.file", "--log-file", "opened again on SIGHUP; empty: standard error", &log.file},
      {"log.max_bytes", "", "of log.file, which then becomes FILE.1; 0: it grows", &log.max_bytes},
      {"log.max_files", "", "FILE.1 to FILE.n that are kept", &log.max_files, 1, 1000},
      {"log.json", "--log-json", "one JSON object a line", &log.json},
      {"log.prompts", "", "log prompts too", &log.prompts},
  };
}

}  // namespace

std::vector<Option> options_of(Config& config) {
  std::vector<Option> all;
  for (auto&& section :
       {model_options(config.model), memory_options(config.memory), listen_options(config.listen),
        transport_options(config.transport), queue_options(config.queue),
        result_options(config.results), limit_options(config.limits), text_options(config.text),
        log_options(config.log)}) {
    all.insert(all.end(), section.begin(), section.end());
  }
  return all;
}

}  // namespace bafa::app
