#include "http/job_stream.h"

#include "bafa/error.h"

namespace bafa::http {
namespace {

// How long a client can be gone before it is noticed.
constexpr std::chrono::milliseconds kCheckInterval{50};
constexpr std::chrono::seconds kHeartbeatInterval{10};

}  // namespace

std::optional<JobSnapshot> wait_for_end(const HttpRequest& request, const JobId& id,
                                        const Engine& engine) {
  std::uint64_t seen_version = 0;
  for (;;) {
    std::optional<JobSnapshot> job = engine.wait(id, seen_version, kCheckInterval);
    if (!job)
      throw Error(ErrorCode::job_expired, "the job was removed before its result was fetched");
    if (is_end(job->state)) return job;
    if (!request.client_connected()) return std::nullopt;
    seen_version = job->version;
  }
}

bool EventWriter::write(std::string_view bytes) {
  last_write_ = clock_.now();
  return sink_.write(bytes);
}

bool EventWriter::heartbeat_if_due() {
  if (clock_.now() - last_write_ < kHeartbeatInterval) return true;
  return write(kHeartbeat);
}

void follow_job(const Services& services, const JobId& id, BodySink& sink,
                const std::function<bool(const JobSnapshot&, EventWriter&)>& tell) {
  const HttpMetrics::SseClient counted(services.metrics);
  EventWriter writer(sink, services.clock);
  std::optional<std::uint64_t> told;
  auto job = services.engine.snapshot(id);
  while (job && sink.client_connected()) {
    if (job->version != told && !tell(*job, writer)) return;
    if (is_end(job->state) || !writer.heartbeat_if_due()) return;
    told = job->version;
    job = services.engine.wait(id, *told, kCheckInterval);
  }
}

HttpResponse event_stream(BodyProducer producer) {
  HttpResponse response = make_response(200, "text/event-stream", "");
  response.headers.add("Cache-Control", "no-store");
  response.headers.add("X-Accel-Buffering", "no");
  response.stream = std::move(producer);
  return response;
}

}  // namespace bafa::http
