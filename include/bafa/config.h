// Every option of the program, with its default. Structs own the defaults; config/server.json
// equals them (a test says so); a configuration file and the command line override them
// (src/app/options).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bafa {

struct ModelConfig {
  std::string path = "models/bafa-emoji";  // a diffusers folder
  std::string device = "cpu";              // cpu, cuda:N
  std::vector<std::string> device_map;     // "encoder=cpu": others than `device`, by component
  std::string dtype = "auto";              // auto, fp32, bf16, fp16
  int threads = 0;                         // of the denoiser on a CPU; 0: one per core
  bool warm_up = true;                     // the server paints once before it is ready
};

// How much of the device's memory the model may use, and what is given up for it.
struct MemoryConfig {
  std::uint64_t budget_bytes = 0;  // of the denoiser's device; 0: no limit, and everything stays
  std::vector<std::string> device_budgets;  // "cpu=2GiB": of the others of a device map
  std::string level = "auto";               // auto, resident, turns, sliced, partial, streamed
  bool explain = false;                     // log why weights are moved
  std::string host_folder;             // for weights off the device; empty: the system's temporary
  std::uint64_t host_limit_bytes = 0;  // of those; 0: no limit
};

struct ListenConfig {
  std::string host = "127.0.0.1";
  int port = 7860;  // 0: a free one, printed at start
  std::string admin_host = "127.0.0.1";
  int admin_port = 7861;  // /metrics and /admin; 0: a free one; -1: on the main port
  std::vector<std::string> allowed_hosts;  // beside localhost names and the bound address
  std::vector<std::string> allowed_origins;
  std::vector<std::string> trusted_proxies;  // addresses, networks: their forwarding headers count
  std::string keys_file;                     // API keys; empty: no keys, loopback only
  bool insecure = false;                     // allow a non-loopback bind without keys
};

// Transport limits: what a connection may cost before it is closed.
struct TransportConfig {
  int max_connections = 512;
  int max_connections_per_address = 64;
  std::chrono::seconds header_timeout{10};  // in all, from the first byte
  std::chrono::seconds body_timeout{30};    // in all, from the end of the headers
  std::chrono::seconds keep_alive_timeout{30};
  std::chrono::seconds write_timeout{30};
  std::size_t max_body_bytes = 1 << 20;
  std::size_t max_header_line_bytes = 8 << 10;
  std::size_t max_header_bytes = 32 << 10;
  int max_headers = 100;
  std::size_t max_path_bytes = 2 << 10;
};

struct QueueConfig {
  int capacity = 10;                       // jobs waiting; one more is refused
  int max_batch = 4;                       // images stepped together
  std::chrono::seconds start_timeout{0};   // default start deadline of a job; 0: none
  std::chrono::seconds drain_timeout{60};  // running jobs may finish within it on SIGTERM
  std::chrono::seconds idle_after{30};     // nothing to do for so long: caches are given back
};

struct ResultsConfig {
  std::chrono::seconds ttl{1800};          // results and ended jobs are forgotten after it
  std::uint64_t max_bytes = 256ull << 20;  // of finished images kept: RGB8, 3 bytes a pixel
  int max_jobs = 10'000;                   // ended jobs that are remembered
  std::string state_dir;                   // finished images are files below it; empty: in memory
};

struct LimitsConfig {
  int max_images = 4;  // n of one request
  int max_steps = 50;
  std::int64_t max_pixels = 0;  // width * height; 0: the model's own limit
  std::size_t max_prompt_bytes = 4096;
};

struct TextConfig {
  // match: a prompt may spell the vocabulary's special tokens, as in the reference; plain: they are
  // ordinary text, for servers open to strangers
  std::string special_tokens = "match";
};

struct LogConfig {
  std::string level = "info";           // trace, debug, info, warn, error, off
  std::string file;                     // empty: standard error
  std::uint64_t max_bytes = 64u << 20;  // of the file; then it becomes FILE.1; 0: it grows
  int max_files = 5;                    // FILE.1 to FILE.n are kept
  bool json = false;                    // JSON lines
  bool prompts = false;                 // log prompts
};

struct Config {
  ModelConfig model;
  MemoryConfig memory;
  ListenConfig listen;
  TransportConfig transport;
  QueueConfig queue;
  ResultsConfig results;
  LimitsConfig limits;
  TextConfig text;
  LogConfig log;
};

}  // namespace bafa
