#include "pipeline/residency.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bafa/error.h"
#include "device/counting_allocator.h"
#include "support/refused.h"

namespace bafa::pipeline {
namespace {

using memory::Kind;
using memory::Ledger;
using memory::Level;
using memory::Phase;
using testing::HasSubstr;

constexpr std::uint64_t kKib = 1 << 10;
constexpr int kBlocks = 6;

// An encoder of 100 KiB, a denoiser of six blocks of 50 KiB, a decoder of 80 KiB; a picture takes a
// few KiB beside them.
class Model : public testing::Test {
 protected:
  static MemoryFacts facts() {
    MemoryFacts facts;
    facts.name = "a model";
    facts.type = memory::DataType::fp32;
    facts.decoder_type = memory::DataType::fp32;
    facts.encoders = {{.weights = {.name = "text_encoder", .outside_bytes = 100 * kKib},
                       .facts = {.features = 4, .widest = 4, .heads = 1}}};
    facts.denoiser = {.name = "unet", .outside_bytes = 0, .blocks = {}};
    for (int i = 0; i < kBlocks; ++i) facts.denoiser.blocks.push_back({block(i), 50 * kKib});
    facts.denoiser_facts =
        memory::UNetFacts{.levels = {{.channels = 4, .layers = 1}}, .latent_channels = 4};
    facts.decoder = {.name = "vae", .outside_bytes = 80 * kKib, .blocks = {}};
    facts.decoder_facts = {.channels = {4, 4}, .latent_channels = 4, .mid_attention = false};
    facts.usual = {.width = 16, .height = 16, .batch = 1, .tokens = 4};
    facts.steps = 2;
    return facts;
  }

  static std::string block(int index) { return "down_blocks.0.resnets." + std::to_string(index); }

  void open(std::uint64_t budget, std::optional<Level> level = {}) {
    ledger_ = std::make_shared<Ledger>(budget == 0 ? Ledger::kNoLimit : budget);
    residency_ = std::make_unique<Residency>(
        facts(), ResidencyOptions{.budget_bytes = budget,
                                  .level = level,
                                  .ledger = ledger_,
                                  .device = device::open_device(
                                      {.name = "cpu", .threads = at::get_num_threads()})});
    const device::LedgerScope scope(ledger_, Kind::weights);
    residency_->component("text_encoder").add("embeddings.weight", kib(100));
    for (int i = 0; i < kBlocks; ++i)
      weights_.push_back(residency_->component("unet").add(block(i) + ".weight", kib(50)));
    residency_->component("vae").add("conv_in.weight", kib(80));
    residency_->loaded();
  }

  static at::Tensor kib(std::int64_t count) {
    return at::empty({count << 10}, at::TensorOptions(at::kByte));
  }

  Residency::Lease acquire(Phase phase) {
    return residency_->acquire({.phase = phase, .work = facts().usual});
  }

  std::uint64_t present(const std::string& name) {
    return residency_->component(name).present_bytes() / kKib;
  }

  std::uint64_t copied() const {
    std::uint64_t sum = 0;
    for (const auto& part : residency_->report().components) sum += part.copied_bytes;
    return sum;
  }

  std::shared_ptr<Ledger> ledger_;
  std::unique_ptr<Residency> residency_;
  std::vector<weights::Weight> weights_;
};

TEST_F(Model, StaysWithoutABudget) {
  open(0);
  for (const Phase phase : memory::kPhases) const auto lease = acquire(phase);
  residency_->give_back();
  EXPECT_EQ(present("text_encoder") + present("unet") + present("vae"), 480u);
  EXPECT_EQ(residency_->report().level, "resident");
  EXPECT_EQ(copied(), 0u);
}

TEST_F(Model, TakesTurnsWhereOnlyOnePartFits) {
  open(400 * kKib, Level::turns);
  EXPECT_EQ(ledger_->usage().total_bytes, 0u) << "nothing was needed yet";
  {
    const auto lease = acquire(Phase::encode);
    EXPECT_EQ(present("text_encoder"), 100u);
    EXPECT_EQ(present("unet"), 0u);
  }
  EXPECT_EQ(present("text_encoder"), 100u) << "another encoding may follow";
  {
    const auto lease = acquire(Phase::denoise);
    EXPECT_EQ(present("text_encoder"), 0u);
    EXPECT_EQ(present("unet"), 300u);
  }
  {
    const auto lease = acquire(Phase::decode);
    EXPECT_EQ(present("unet"), 0u);
    EXPECT_EQ(present("vae"), 80u);
  }
  EXPECT_LE(residency_->report().peak_bytes, 400 * kKib);
  EXPECT_TRUE(residency_->report().phases_take_turns);
}

TEST_F(Model, KeepsWhatThereIsRoomFor) {
  open(410 * kKib);  // the denoiser with the decoder, but not with the encoder
  const auto lease = acquire(Phase::denoise);
  EXPECT_EQ(present("unet"), 300u);
  EXPECT_EQ(residency_->plan().components[0].placement, memory::Placement::takes_turns);
  EXPECT_EQ(residency_->plan().components[2].placement, memory::Placement::stays);
}

TEST_F(Model, StreamsTheBlocksThatDoNotFit) {
  open(230 * kKib);
  EXPECT_EQ(residency_->plan().level, Level::partial);
  for (int step = 0; step < 3; ++step) {
    const auto lease = acquire(Phase::denoise);
    for (const weights::Weight& weight : weights_) EXPECT_EQ(weight.get().numel(), 50 << 10);
  }
  const MemoryReport report = residency_->report();
  EXPECT_LE(report.peak_bytes, 230 * kKib);
  EXPECT_EQ(report.components[1].placement, "streamed");
  EXPECT_GT(copied(), 3 * 150 * kKib);
  residency_->give_back();
  EXPECT_EQ(ledger_->usage().total_bytes, 0u);
}

TEST_F(Model, PlansAnewForALargerPicture) {
  open(400 * kKib);
  {
    const auto lease = acquire(Phase::denoise);
  }
  EXPECT_EQ(present("unet"), 300u);
  memory::Workload large = facts().usual;
  large.width = large.height = 48;
  const auto lease = residency_->acquire({.phase = Phase::denoise, .work = large});
  EXPECT_LT(present("unet"), 300u);
  EXPECT_GT(residency_->needs_of_picture(large).denoise_bytes, 100 * kKib);
}

TEST_F(Model, GivesUpMoreWhileOthersHoldMemory) {
  open(340 * kKib);
  {
    const auto lease = acquire(Phase::denoise);
  }
  EXPECT_EQ(present("unet"), 300u);
  const device::LedgerScope scope(ledger_, Kind::activations);
  {
    const auto lease = acquire(Phase::decode);
  }
  const at::Tensor held = kib(60);
  const auto lease = acquire(Phase::denoise);
  for (const weights::Weight& weight : weights_) EXPECT_TRUE(weight.get().defined());
  EXPECT_LE(residency_->report().peak_bytes, 310 * kKib);
}

TEST_F(Model, IsRefusedBeforeAnythingIsLoadedWhenItCannotFit) {
  const auto refused = test::refused([this] { open(90 * kKib); });
  EXPECT_EQ(refused.code, ErrorCode::out_of_memory);
  EXPECT_THAT(refused.message, HasSubstr("a model does not fit into 90.0 KiB"));
  EXPECT_THAT(refused.message, HasSubstr("would do"));
}

TEST_F(Model, ReportsWhatWasPredictedAndMeasured) {
  open(0);
  {
    const auto lease = acquire(Phase::decode);
    const device::LedgerScope scope(ledger_, Kind::activations);
    const at::Tensor used = kib(20);
  }
  const MemoryReport report = residency_->report();
  EXPECT_EQ(report.phases[2].name, "decode");
  EXPECT_EQ(report.phases[2].measured_bytes, 500 * kKib);
  EXPECT_GT(report.phases[2].predicted_bytes, 480 * kKib);
  EXPECT_EQ(report.phases[0].measured_bytes, 0u) << "nothing was encoded";
}

}  // namespace
}  // namespace bafa::pipeline
