#include "pipeline/residencies.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

namespace bafa::pipeline {
namespace {

using memory::Kind;
using memory::Ledger;
using memory::Phase;

class TwoDevices : public testing::Test {
 protected:
  TwoDevices() : residencies_(both()) {}

  std::unique_ptr<Residency> residency(const memory::PhaseSet& here,
                                       const std::shared_ptr<Ledger>& ledger) {
    MemoryFacts facts;
    facts.here = here;
    facts.encoders = {{.weights = {.name = "text_encoder", .outside_bytes = 1, .blocks = {}},
                       .facts = {.features = 4, .widest = 4, .heads = 1}}};
    facts.denoiser = {.name = "unet", .outside_bytes = 1, .blocks = {}};
    facts.denoiser_facts =
        memory::UNetFacts{.levels = {{.channels = 8, .layers = 1}}, .latent_channels = 4};
    facts.decoder = {.name = "vae", .outside_bytes = 1, .blocks = {}};
    facts.decoder_facts = {.channels = {8, 8}, .latent_channels = 4, .mid_attention = false};
    facts.usual = {.width = 8, .height = 8, .batch = 1, .tokens = 1};
    facts.steps = 1;
    return std::make_unique<Residency>(
        facts, ResidencyOptions{.ledger = ledger,
                                .device = device::open_device(
                                    {.name = "cpu", .threads = at::get_num_threads()})});
  }

  std::vector<std::unique_ptr<Residency>> both() {
    std::vector<std::unique_ptr<Residency>> made;
    made.push_back(residency({false, true, true}, first_));
    made.push_back(residency({true, false, false}, second_));
    return made;
  }

  std::shared_ptr<Ledger> first_ = std::make_shared<Ledger>(Ledger::kNoLimit);
  std::shared_ptr<Ledger> second_ = std::make_shared<Ledger>(Ledger::kNoLimit);
  Residencies residencies_;
};

TEST_F(TwoDevices, ChargeWhatALeaseSees) {
  const auto lease = residencies_.acquire({.phase = Phase::encode});
  const at::Tensor made = at::zeros({256});
  EXPECT_EQ(second_->usage().of(Kind::activations), 1024u);
  EXPECT_EQ(first_->usage().total_bytes, 0u);
}

TEST_F(TwoDevices, CopyWhatIsHandedOverToWhereItIsCharged) {
  const at::Tensor here = at::full({256}, 3.0);
  const at::Tensor there = residencies_.handed_over(here, Phase::encode, Phase::denoise);
  EXPECT_NE(there.const_data_ptr(), here.const_data_ptr());
  EXPECT_TRUE(there.equal(here));
  EXPECT_EQ(first_->usage().of(Kind::activations), 1024u);
  const at::Tensor stays = residencies_.handed_over(there, Phase::denoise, Phase::decode);
  EXPECT_EQ(stays.const_data_ptr(), there.const_data_ptr());
  EXPECT_FALSE(residencies_.handed_over({}, Phase::encode, Phase::denoise).defined());
}

TEST_F(TwoDevices, HaveTheComponentsOfTheirPhases) {
  EXPECT_EQ(residencies_.component("text_encoder").ledger(), second_);
  EXPECT_EQ(residencies_.component("unet").ledger(), first_);
  EXPECT_EQ(residencies_.component("vae").ledger(), first_);
}

}  // namespace
}  // namespace bafa::pipeline
