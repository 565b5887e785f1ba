#include "serve/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <cstdint>
#include <string_view>
#include <utility>

namespace bafa::serve {

namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Registry;

Family<Counter>& counters(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

Family<Gauge>& gauges(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

Family<Histogram>& histograms(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
}

std::string label(std::string_view text) { return std::string(text); }

// From a small model on a GPU (milliseconds) to a large one on a CPU (minutes).
Histogram::BucketBoundaries seconds_buckets() {
  return {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
          1,     2.5,    5,     10,   25,    50,   100, 250,  500};
}

Histogram::BucketBoundaries batch_buckets() { return {1, 2, 3, 4, 6, 8, 12, 16, 32}; }

constexpr std::array kPriorities = {Priority::low, Priority::normal, Priority::high};
constexpr std::array kModelPhases = {Phase::encode, Phase::denoise, Phase::decode};

}  // namespace

struct Metrics::Families {
  Registry registry;
  Family<Counter>& jobs = counters(registry, "bafa_jobs_total", "Jobs at an end, by how and why.");
  Family<Counter>& rejected =
      counters(registry, "bafa_admission_rejected_total", "Requests that were not taken.");
  Family<Counter>& canceled =
      counters(registry, "bafa_canceled_total", "Canceled jobs, by where they were.");
  Family<Counter>& oom =
      counters(registry, "bafa_oom_total", "Calls of the model that ran out of memory.");
  Counter& wasted_steps = counters(registry, "bafa_wasted_steps_total",
                                   "Denoising steps done for jobs that did not succeed.")
                              .Add({});
  Counter& retries =
      counters(registry, "bafa_retries_total", "Images tried again alone after a batch failed.")
          .Add({});
  Histogram& queue_wait =
      histograms(registry, "bafa_queue_wait_seconds", "From accepted to started.")
          .Add({}, seconds_buckets());
  Family<Histogram>& stages = histograms(registry, "bafa_stage_seconds",
                                         "Device time of the batches of a job that succeeded.");
  Histogram& encode = stages.Add({{"stage", "encode"}}, seconds_buckets());
  Histogram& denoise = stages.Add({{"stage", "denoise"}}, seconds_buckets());
  Histogram& decode = stages.Add({{"stage", "decode"}}, seconds_buckets());
  Histogram& steps = histograms(registry, "bafa_step_seconds", "One denoising step of a batch.")
                         .Add({}, seconds_buckets());
  Histogram& e2e = histograms(registry, "bafa_e2e_seconds", "From accepted to succeeded.")
                       .Add({}, seconds_buckets());
  Histogram& batch_size = histograms(registry, "bafa_batch_size", "Images in one denoising step.")
                              .Add({}, batch_buckets());
  Histogram& store =
      histograms(registry, "bafa_store_seconds", "Bringing the pictures of one job to the disk.")
          .Add({}, seconds_buckets());
  Gauge& results_bytes =
      gauges(registry, "bafa_results_bytes", "Finished pictures that are kept.").Add({});
  Family<Gauge>& queue_depth = gauges(registry, "bafa_queue_depth", "Jobs waiting.");
  Gauge& queue_capacity = gauges(registry, "bafa_queue_capacity", "Jobs that may wait.").Add({});
  Gauge& jobs_running =
      gauges(registry, "bafa_jobs_running", "Jobs begun and not yet at an end.").Add({});
  Gauge& ready = gauges(registry, "bafa_ready", "1 while requests are taken.").Add({});
  Gauge& model_load =
      gauges(registry, "bafa_model_load_seconds", "What loading the model took.").Add({});
  Family<Gauge>& memory = gauges(registry, "bafa_device_memory_bytes",
                                 "Device memory: the budget, the plan, and what is in use.");
  Family<Gauge>& component_memory = gauges(registry, "bafa_component_memory_bytes",
                                           "Weights of a part of the model, in all and here.");
  Gauge& memory_refusals = gauges(registry, "bafa_memory_refusals",
                                  "Allocations refused since the start: over the budget.")
                               .Add({});
  Family<Gauge>& build_info =
      gauges(registry, "bafa_build_info", "Always 1; the version is a label.");
};

Metrics::Metrics(const std::string& version) : families_(std::make_unique<Families>()) {
  families_->build_info.Add({{"version", version}}).Set(1);
  // Series exist from the start, so that their first increase is seen as one.
  for (const Phase phase : kModelPhases) {
    families_->oom.Add({{"stage", label(to_string(phase))}});
    families_->canceled.Add({{"phase", label(to_string(phase))}});
  }
  families_->canceled.Add({{"phase", "queued"}});
  families_->jobs.Add({{"status", label(to_string(JobState::succeeded))}, {"reason", ""}});
  families_->rejected.Add({{"reason", label(to_string(ErrorCode::queue_full))}});
}

Metrics::~Metrics() = default;

void Metrics::job_started(double queue_wait_seconds) {
  families_->queue_wait.Observe(queue_wait_seconds);
}

void Metrics::job_ended(const JobSnapshot& job, double e2e_seconds) {
  const std::string reason = job.error ? label(to_string(job.error->code)) : "";
  families_->jobs.Add({{"status", label(to_string(job.state))}, {"reason", reason}}).Increment();
  if (job.state == JobState::canceled) {
    const std::string phase = job.started_at ? label(to_string(job.phase)) : "queued";
    families_->canceled.Add({{"phase", phase}}).Increment();
  }
  if (job.state == JobState::succeeded) {
    families_->e2e.Observe(e2e_seconds);
    families_->encode.Observe(job.timings.encode_seconds);
    families_->denoise.Observe(job.timings.denoise_seconds);
    families_->decode.Observe(job.timings.decode_seconds);
  } else {
    families_->wasted_steps.Increment(job.step);
  }
}

void Metrics::rejected(ErrorCode reason) {
  families_->rejected.Add({{"reason", label(to_string(reason))}}).Increment();
}

void Metrics::stepped(int images, double seconds) {
  families_->steps.Observe(seconds);
  families_->batch_size.Observe(images);
}

void Metrics::out_of_memory(Phase stage) {
  families_->oom.Add({{"stage", label(to_string(stage))}}).Increment();
}

void Metrics::retried(int images) { families_->retries.Increment(images); }

void Metrics::model_loaded(double seconds) { families_->model_load.Set(seconds); }

void Metrics::stored(double seconds) { families_->store.Observe(seconds); }

void Metrics::show(const MemoryReport& memory) {
  const auto set = [](Family<Gauge>& family, const prometheus::Labels& labels,
                      std::uint64_t bytes) { family.Add(labels).Set(static_cast<double>(bytes)); };
  for (const auto& [kind, bytes] : {std::pair{"budget", memory.budget_bytes},
                                    {"planned", memory.planned_bytes},
                                    {"used", memory.used_bytes},
                                    {"peak", memory.peak_bytes},
                                    {"weights", memory.weights_bytes},
                                    {"activations", memory.activations_bytes},
                                    {"cache", memory.cache_bytes},
                                    {"host", memory.host_bytes}}) {
    set(families_->memory, {{"device", memory.device}, {"kind", kind}}, bytes);
  }
  for (const MemoryReport::Component& part : memory.components) {
    set(families_->component_memory, {{"component", part.name}, {"kind", "weights"}},
        part.weights_bytes);
    set(families_->component_memory, {{"component", part.name}, {"kind", "present"}},
        part.present_bytes);
  }
}

std::string Metrics::text(const Levels& levels) {
  for (const Priority priority : kPriorities) {
    families_->queue_depth.Add({{"priority", label(to_string(priority))}})
        .Set(levels.queue_depth[static_cast<std::size_t>(priority)]);
  }
  families_->queue_capacity.Set(levels.queue_capacity);
  families_->jobs_running.Set(levels.jobs_running);
  families_->results_bytes.Set(static_cast<double>(levels.results_bytes));
  families_->ready.Set(levels.ready ? 1 : 0);
  if (levels.memory) {
    show(*levels.memory);
    std::uint64_t refusals = levels.memory->refusals;
    for (const MemoryReport& device : levels.memory->elsewhere) {
      show(device);
      refusals += device.refusals;
    }
    families_->memory_refusals.Set(static_cast<double>(refusals));
  }
  return prometheus::TextSerializer().Serialize(families_->registry.Collect());
}

}  // namespace bafa::serve
