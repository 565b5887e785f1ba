#include "bafa/engine.h"

#include "base/check.h"

namespace bafa {

std::string_view to_string(JobState state) {
  switch (state) {
    case JobState::queued: return "queued";
    case JobState::running: return "running";
    case JobState::succeeded: return "succeeded";
    case JobState::failed: return "failed";
    case JobState::canceled: return "canceled";
    case JobState::expired: return "expired";
  }
  check_failed("a JobState", __FILE__, __LINE__);
}

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::encode: return "encode";
    case Phase::denoise: return "denoise";
    case Phase::decode: return "decode";
    case Phase::save: return "save";
  }
  check_failed("a Phase", __FILE__, __LINE__);
}

std::string_view to_string(Priority priority) {
  switch (priority) {
    case Priority::low: return "low";
    case Priority::normal: return "normal";
    case Priority::high: return "high";
  }
  check_failed("a Priority", __FILE__, __LINE__);
}

std::string_view to_string(Readiness readiness) {
  switch (readiness) {
    case Readiness::loading: return "loading";
    case Readiness::ready: return "ready";
    case Readiness::draining: return "draining";
    case Readiness::device_error: return "device_error";
  }
  check_failed("a Readiness", __FILE__, __LINE__);
}

}  // namespace bafa
