#include "serve/job_log.h"

#include "base/log.h"

namespace bafa::serve {

void log_job(const JobSnapshot& job, const JobLogExtras& extras) {
  LogLine line("job." + std::string(to_string(job.state)));
  line.add("job", job.id)
      .add("request", extras.request_id)
      .add("tenant", job.tenant)
      .add("code", job.error ? to_string(job.error->code) : "none")
      .add("width", job.params.width)
      .add("height", job.params.height)
      .add("images", job.params.count)
      .add("step", job.step)
      .add("steps", job.steps)
      .add("batch", job.mean_batch, 2)
      .add("attempts", job.attempts)
      .add("queue_wait_s", job.timings.queue_wait_seconds)
      .add("encode_s", job.timings.encode_seconds)
      .add("denoise_s", job.timings.denoise_seconds)
      .add("decode_s", job.timings.decode_seconds)
      .add("e2e_s", extras.e2e_seconds);
  log(spdlog::level::info, line);
}

}  // namespace bafa::serve
