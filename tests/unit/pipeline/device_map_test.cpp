// A model over two devices: on a processor alone these are two ledgers, each with its own budget.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bafa/error.h"
#include "support/budgeted_engine.h"
#include "support/golden.h"
#include "support/refused.h"

namespace bafa {
namespace {

using pipeline::LoadOptions;
using test::BudgetedEngine;
using test::PictureWish;
using testing::HasSubstr;

LoadOptions tiny(std::vector<std::string> device_map = {}) {
  LoadOptions options;
  options.path = test::kGoldenData / "stable_diffusion";
  options.dtype = "fp32";
  options.threads = 1;
  options.device_map = std::move(device_map);
  return options;
}

std::vector<PictureWish> four() {
  std::vector<PictureWish> wishes;
  for (int seed = 0; seed < 4; ++seed)
    wishes.push_back({.prompt = "picture " + std::to_string(seed), .seed = seed});
  return wishes;
}

struct Painted {
  std::vector<Image> pictures;
  MemoryReport memory;
};

Painted paint(const LoadOptions& options) {
  BudgetedEngine engine(options);
  engine.wait_until_loaded();
  std::vector<Image> pictures = engine.paint(four());
  return {std::move(pictures), engine.memory()};
}

std::vector<std::string> names(const MemoryReport& memory) {
  std::vector<std::string> names;
  for (const auto& part : memory.components) names.push_back(part.name);
  return names;
}

TEST(DeviceMapPipeline, PaintsTheSamePicturesAndShowsThePlaces) {
  const Painted together = paint(tiny());
  const Painted apart = paint(tiny({"encoder=cpu:1", "decoder=cpu:2"}));
  for (std::size_t i = 0; i < together.pictures.size(); ++i)
    EXPECT_EQ(apart.pictures[i].rgb, together.pictures[i].rgb) << i;
  ASSERT_EQ(apart.memory.elsewhere.size(), 2u);
  EXPECT_EQ(apart.memory.device, "cpu");
  EXPECT_EQ(names(apart.memory), std::vector<std::string>{"unet"});
  EXPECT_EQ(apart.memory.elsewhere[0].device, "cpu:1");
  EXPECT_EQ(names(apart.memory.elsewhere[0]), std::vector<std::string>{"text_encoder"});
  EXPECT_EQ(names(apart.memory.elsewhere[1]), std::vector<std::string>{"vae"});
}

// What each device holds is counted there and nowhere else, and as much as was predicted.
TEST(DeviceMapPipeline, CountsEachDeviceByItself) {
  const MemoryReport together = paint(tiny()).memory;
  const MemoryReport apart = paint(tiny({"encoder=cpu:1", "decoder=cpu:2"})).memory;
  std::uint64_t weights_bytes = 0;
  for (const MemoryReport* device : {&apart, &apart.elsewhere[0], &apart.elsewhere[1]}) {
    std::uint64_t own = 0;
    for (const auto& part : device->components) own += part.weights_bytes;
    EXPECT_NEAR(static_cast<double>(device->weights_bytes), static_cast<double>(own), 4096.0)
        << device->device;
    weights_bytes += device->weights_bytes;
    ASSERT_EQ(device->phases.size(), 1u);
    const auto measured = static_cast<double>(device->phases[0].measured_bytes);
    EXPECT_NEAR(static_cast<double>(device->phases[0].predicted_bytes), measured,
                std::max(measured / 10, 40.0 * 1024))
        << device->device;
    EXPECT_LT(device->peak_bytes, together.peak_bytes);
  }
  EXPECT_EQ(weights_bytes, together.weights_bytes);
  EXPECT_EQ(apart.elsewhere[0].activations_bytes + apart.elsewhere[1].activations_bytes, 0u);
}

TEST(DeviceMapPipeline, KeepsEachBudget) {
  const Painted free = paint(tiny({"encoder=cpu:1"}));
  LoadOptions options = tiny({"encoder=cpu:1"});
  const std::uint64_t budget = free.memory.peak_bytes * 8 / 10;
  const std::uint64_t encoder = free.memory.elsewhere[0].peak_bytes * 11 / 10;
  options.memory.budget_bytes = budget;
  options.memory.device_budgets = {"cpu:1=" + std::to_string(encoder)};
  const Painted tight = paint(options);
  EXPECT_LE(tight.memory.peak_bytes, budget);
  EXPECT_LE(tight.memory.elsewhere[0].peak_bytes, encoder);
  EXPECT_EQ(tight.memory.elsewhere[0].budget_bytes, encoder);
  for (std::size_t i = 0; i < tight.pictures.size(); ++i)
    EXPECT_EQ(tight.pictures[i].rgb, free.pictures[i].rgb) << i;
}

TEST(DeviceMapPipeline, NamesTheBudgetThatIsTooSmall) {
  LoadOptions options = tiny({"encoder=cpu:1"});
  options.memory.device_budgets = {"cpu:1=1kB"};
  const auto refused = test::refused([&] { pipeline::load(options); });
  EXPECT_EQ(refused.code, ErrorCode::out_of_memory);
  EXPECT_THAT(refused.message, HasSubstr("--device-budget cpu:1="));
}

TEST(DeviceMapPipeline, RefusesADeviceThatIsNotHereBeforeItReadsTheModel) {
  LoadOptions options = tiny({"denoiser=cuda:5"});
  options.path = "no/such/model";
  const auto refused = test::refused([&] { pipeline::load(options); });
  EXPECT_EQ(refused.code, ErrorCode::device_error);
  EXPECT_THAT(refused.message, HasSubstr("model.device_map: "));
}

}  // namespace
}  // namespace bafa
