// The event stream of one job: turns its snapshots into events. Numbering is a function of the
// job's progress alone (1 queued, 2 started, 2 + k step k, then the end), so a listener that comes
// back with Last-Event-ID gets exactly what it missed, and nothing has to be kept for it. Not
// thread-safe: one feed belongs to one connection.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "bafa/engine.h"
#include "http/sse.h"

namespace bafa::http {

// A preview that was encoded for the wire.
struct EncodedPreview {
  int image_index = 0;
  int step = 0;
  int width = 0;   // pixels
  int height = 0;  // pixels
  std::string png_base64;
};

class JobEventFeed {
 public:
  // Events up to and including `last_event_id` are not repeated; 0, or a number that `job` cannot
  // have reached: from the start.
  JobEventFeed(const JobSnapshot& job, std::uint64_t last_event_id);

  // True for a preview that the stream has not carried yet.
  bool wants(const JobPreview& preview) const;

  // What is new in `job` since the last call, oldest first. Numbered events come once each; changes
  // of the queue position and previews beyond the first come without a number.
  std::vector<Event> advance(const JobSnapshot& job, const std::vector<EncodedPreview>& previews);

  // True when the end of `job` has been told: by this feed, or before the listener came back.
  bool is_over(const JobSnapshot& job) const;

 private:
  void add(std::vector<Event>& events, std::uint64_t id, std::string name, std::string data);
  void add_queued(std::vector<Event>& events, const JobSnapshot& job);
  void add_steps(std::vector<Event>& events, const JobSnapshot& job,
                 const std::vector<EncodedPreview>& previews);

  std::uint64_t last_id_;
  int told_position_ = 0;
  std::map<int, int> told_preview_step_;  // by image index
};

}  // namespace bafa::http
