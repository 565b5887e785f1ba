// Jobs as the JSON of /v1/jobs. Values only: what is shown is what the snapshot says. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "bafa/engine.h"
#include "base/json.h"

namespace bafa::http {

// Prompts leave the server only when their owner asks for them (include=params).
enum class JobDetail { status, params };

Json to_json(const JobSnapshot& job, JobDetail detail);

// {"code","message","type","param"} of a job that ended badly.
Json to_json(const JobError& error);

Json to_json(const JobTimings& timings);

// What POST /v1/jobs answers: the state and where to go on.
Json accepted_json(const JobSnapshot& job);

std::string job_path(const JobId& id);

std::int64_t unix_seconds(WallTime time);

// Seconds in milliseconds' precision, so that answers are not full of noise.
double rounded_seconds(double seconds);

// "256x256"
std::string size_of(const GenerationParams& params);

}  // namespace bafa::http
