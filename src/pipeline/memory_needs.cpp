#include "pipeline/memory_needs.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "bafa/error.h"
#include "pipeline/families/family.h"
#include "pipeline/memory_facts.h"
#include "pipeline/model_index.h"

namespace bafa::pipeline {
namespace {

constexpr std::int64_t kMaxSteps = 1000;

std::int64_t within(std::optional<std::int64_t> value, std::int64_t fallback, std::int64_t max,
                    const std::string& name) {
  const std::int64_t chosen = value.value_or(fallback);
  if (chosen >= 1 && chosen <= max) return chosen;
  throw Error(
      ErrorCode::invalid_value,
      name + " is " + std::to_string(chosen) + "; it must be from 1 to " + std::to_string(max),
      name);
}

std::int64_t side(std::optional<std::int64_t> asked, std::int64_t fallback, std::int64_t multiple) {
  const std::int64_t pixels = asked.value_or(fallback);
  if (pixels >= multiple && pixels <= memory::kMaxSide && pixels % multiple == 0) return pixels;
  throw Error(ErrorCode::unsupported_size,
              "a side of " + std::to_string(pixels) + " pixels is not for this model: it must be " +
                  std::to_string(multiple) + " to " + std::to_string(memory::kMaxSide) +
                  " in multiples of " + std::to_string(multiple),
              "size");
}

}  // namespace

MemoryAnswer memory_needs(const MemoryQuestion& question) {
  if (question.type == memory::DataType::fp16) refuse_fp16(read_model_index(question.model));
  MemoryFacts facts = read_memory_facts(question.model, question.type);
  const GenerateRequest& request = question.request;
  const auto pixels = [&facts](const std::optional<std::int64_t>& asked, std::int64_t usual) {
    return side(asked, usual, facts.multiple());
  };
  MemoryAnswer answer{.name = facts.name, .family = facts.family};
  answer.steps = static_cast<int>(within(request.steps, facts.steps, kMaxSteps, "steps"));
  answer.workload = {.width = pixels(request.width, facts.usual.width),
                     .height = pixels(request.height, facts.usual.height),
                     .batch = within(request.count, 1, memory::kMaxBatch, "batch"),
                     .tokens = facts.usual.tokens,
                     .guided = facts.guides(request.guidance_scale.value_or(facts.guidance_scale))};
  facts.here = question.here;
  answer.needs = needs_of(facts, answer.workload, answer.steps);
  answer.left_out = std::move(facts.left_out);
  return answer;
}

}  // namespace bafa::pipeline
