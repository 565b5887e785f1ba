// Requests and jobs for tests: valid by the fake model's capabilities.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "serve/job.h"
#include "support/fake_pipeline.h"

namespace bafa::test {

struct Wish {
  int count = 1;
  int steps = 4;
  int side = 16;  // pixels
  std::int64_t seed = 1;
  std::string prompt = "a cat";
};

inline ValidRequest valid_request(const Wish& wish = {}) {
  GenerateRequest request;
  request.prompt = wish.prompt;
  request.width = wish.side;
  request.height = wish.side;
  request.steps = wish.steps;
  request.seed = wish.seed;
  request.count = wish.count;
  return validate(request, fake_capabilities(), 0);
}

// Its serial number is also its id, so that failures name it.
inline std::shared_ptr<serve::Job> make_job(const Clock& clock, std::uint64_t serial,
                                            SubmitOptions options = {}, const Wish& wish = {},
                                            std::optional<MonotonicTime> start_deadline = {}) {
  ValidRequest request = valid_request(wish);
  const Cost cost = FakePipeline(std::make_shared<FakeLog>()).cost(request);
  return std::make_shared<serve::Job>(serve::JobSpec{.id = "job" + std::to_string(serial),
                                                     .serial = serial,
                                                     .request = std::move(request),
                                                     .options = std::move(options),
                                                     .cost = cost,
                                                     .start_deadline = start_deadline},
                                      clock);
}

}  // namespace bafa::test
