// A residency without a budget for pipelines whose parts are fakes: nothing ever moves.
#pragma once

#include <ATen/Parallel.h>

#include <memory>

#include "memory/ledger.h"
#include "pipeline/residency.h"

namespace bafa::test {

inline std::unique_ptr<pipeline::Residency> roomy_residency() {
  pipeline::MemoryFacts facts;
  facts.denoiser_facts =
      memory::UNetFacts{.levels = {{.channels = 8, .layers = 1}}, .latent_channels = 4};
  facts.decoder_facts = {.channels = {8, 8, 8, 8}, .latent_channels = 4, .mid_attention = false};
  facts.usual = {.width = 8, .height = 8, .batch = 1, .tokens = 1};
  facts.steps = 1;
  return std::make_unique<pipeline::Residency>(
      facts, pipeline::ResidencyOptions{
                 .ledger = std::make_shared<memory::Ledger>(memory::Ledger::kNoLimit),
                 .device = device::open_device({.name = "cpu", .threads = at::get_num_threads()})});
}

}  // namespace bafa::test
