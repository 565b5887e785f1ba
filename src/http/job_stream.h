// Follows one job for one HTTP client until it has ended or the client is gone. Runs on the
// handler's thread; the device never waits for a client.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "http/message.h"
#include "http/services.h"
#include "http/sse.h"

namespace bafa::http {

// The caller for whom a job was submitted, as a scope: leaving it says that nobody waits any more,
// which cancels a job that has not ended (unless a key or a follower keeps it).
class WaitingCaller {
 public:
  WaitingCaller(Engine& engine, JobId id) : engine_(engine), id_(std::move(id)) {}
  ~WaitingCaller() { engine_.abandon(id_); }
  WaitingCaller(const WaitingCaller&) = delete;
  WaitingCaller& operator=(const WaitingCaller&) = delete;

 private:
  Engine& engine_;
  const JobId id_;
};

// The ended job; nullopt when the client left first. Throws Error{job_expired} when the server has
// forgotten the job.
std::optional<JobSnapshot> wait_for_end(const HttpRequest& request, const JobId& id,
                                        const Engine& engine);

// Sends events and knows when a heartbeat is due.
class EventWriter {
 public:
  EventWriter(BodySink& sink, const Clock& clock) : sink_(sink), clock_(clock) {}

  bool write(std::string_view bytes);  // false: the client is gone
  bool write(const Event& event) { return write(to_wire(event)); }
  bool heartbeat_if_due();

 private:
  BodySink& sink_;
  const Clock& clock_;
  MonotonicTime last_write_ = clock_.now();
};

// Calls `tell` with every new state of the job until `tell` says false, the job has ended (told
// once more in that state), or the client is gone. Keeps an idle stream alive.
void follow_job(const Services& services, const JobId& id, BodySink& sink,
                const std::function<bool(const JobSnapshot&, EventWriter&)>& tell);

// 200 with the headers of an event stream.
HttpResponse event_stream(BodyProducer producer);

}  // namespace bafa::http
