#include "memory/planner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace bafa::memory {
namespace {

std::vector<Block> blocks(const std::vector<std::uint64_t>& sizes) {
  std::vector<Block> all;
  for (const std::uint64_t size : sizes) {
    all.push_back({"layers." + std::to_string(all.size()), size});
  }
  return all;
}

// A model in round numbers: an encoder of 100, a denoiser of 20 + 10 * 30 that runs 8 times, a
// decoder of 10.
ModelNeeds small_model() {
  ModelNeeds needs;
  needs[0] = {.components = {{"encoder", 40, blocks({30, 30})}},
              .activations = {{.bytes = 5}},
              .evaluations = 1};
  needs[1] = {.components = {{"denoiser", 20, blocks(std::vector<std::uint64_t>(10, 30))}},
              .activations = {{.bytes = 50}, {.bytes = 20, .one_by_one = true}},
              .evaluations = 8};
  needs[2] = {.components = {{"decoder", 10, {}}},
              .activations = {{.bytes = 400},
                              {.bytes = 90, .one_by_one = true},
                              {.bytes = 30, .one_by_one = true, .tile = 32}},
              .evaluations = 1};
  return needs;
}

MemoryPlan planned(const ModelNeeds& needs, const Policy& policy) {
  const auto result = plan(needs, policy);
  if (const auto* const made = std::get_if<MemoryPlan>(&result)) return *made;
  ADD_FAILURE() << policy.budget_bytes << " bytes were refused";
  return {};
}

std::optional<Refusal> refusal(const ModelNeeds& needs, const Policy& policy) {
  const auto result = plan(needs, policy);
  const auto* const refused = std::get_if<Refusal>(&result);
  return refused != nullptr ? std::optional(*refused) : std::nullopt;
}

std::size_t streamed(const MemoryPlan& plan, const std::string& component) {
  const auto found = std::ranges::find(plan.components, component, &ComponentPlan::name);
  return found == plan.components.end() ? 0 : found->streamed_blocks.size();
}

struct Row {
  std::uint64_t budget;
  Level level;
  std::uint64_t peak;
  std::uint64_t copied;
  std::string why;
};

TEST(Planner, GivesUpLeastFirst) {
  for (const Row& row : {
           Row{10'000, Level::resident, 830, 0, "all of 430 stays beside 400 of decoding"},
           Row{830, Level::resident, 830, 0, "to the byte"},
           Row{829, Level::turns, 730, 100, "the encoder leaves"},
           Row{730, Level::turns, 730, 100, "to the byte"},
           Row{729, Level::turns, 510, 320, "the denoiser leaves rather than the encoder"},
           Row{509, Level::turns, 410, 430 - 10, "both leave; the decoder stays"},
           Row{410, Level::turns, 410, 430 - 10, "to the byte"},
           Row{409, Level::sliced, 370, 430, "pictures one by one"},
           Row{370, Level::sliced, 370, 430, "to the byte"},
           Row{369, Level::sliced, 340, 430, "attention in slices"},
           Row{340, Level::sliced, 340, 430, "to the byte"},
           // outside 20 + 7 kept of 30 + two buffers of 30 + 20 of activations
           Row{339, Level::partial, 310, 430 + 7 * 3 * 30, "three blocks pass"},
           Row{130, Level::partial, 130, 430 + 7 * 9 * 30, "one block stays"},
           Row{129, Level::streamed, 105, 430 + 7 * 10 * 30, "none stays"},
           Row{105, Level::streamed, 105, 430 + 7 * 10 * 30, "the encoder is the largest"},
       }) {
    SCOPED_TRACE(row.why + ", " + std::to_string(row.budget));
    const MemoryPlan made = planned(small_model(), {.budget_bytes = row.budget});
    EXPECT_EQ(to_string(made.level), to_string(row.level));
    EXPECT_EQ(made.peak_bytes, row.peak);
    EXPECT_EQ(made.copied_bytes, row.copied);
  }
}

TEST(Planner, RefusesNamingTheSmallestBudgetThatWouldDo) {
  const auto refused = refusal(small_model(), {.budget_bytes = 104});
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->smallest_budget, 105u);
  EXPECT_EQ(refused->phase, Phase::encode);
}

TEST(Planner, CountsAnEncoderWhileEncodingOnly) {
  ModelNeeds needs = small_model();
  needs[0].components.front().outside_bytes = 290;  // as large as the denoiser
  const MemoryPlan made = planned(needs, {.budget_bytes = 450});
  EXPECT_EQ(made.phases[0].weights_bytes, 350u + 10u);
  EXPECT_EQ(made.phases[1].weights_bytes, 320u + 10u);
}

TEST(Planner, APhaseGivesUpOnlyWhatItMust) {
  const MemoryPlan made = planned(small_model(), {.budget_bytes = 200});
  EXPECT_EQ(made.phases[0].level, Level::turns);
  EXPECT_EQ(made.phases[1].level, Level::partial);
  EXPECT_EQ(made.phases[2].level, Level::sliced);
  EXPECT_EQ(made.phases[2].activations.tile, 0) << "one by one is enough";
  EXPECT_EQ(made.phases[1].buffer_bytes, 30u);
}

TEST(Planner, TellsTheTimeThatCopyingTakes) {
  const MemoryPlan made =
      planned(small_model(), {.budget_bytes = 730, .level = {}, .bytes_per_second = 50});
  EXPECT_DOUBLE_EQ(made.extra_seconds, 2);
}

TEST(Planner, KeepsTheLargestBlocksSinceTheBuffersHoldTheLargestOfTheOthers) {
  ModelNeeds needs = small_model();
  needs[1].components.front().blocks = blocks({10, 100, 10, 10, 10, 10});
  // 20 outside, 20 of activations, the 100, two buffers of 10.
  const MemoryPlan made = planned(needs, {.budget_bytes = 160});
  EXPECT_EQ(made.phases[1].peak_bytes, 160u);
  const auto& names = made.components[1].streamed_blocks;
  EXPECT_EQ(std::ranges::count(names, "layers.1"), 0);
  EXPECT_EQ(names.size(), 5u);
  EXPECT_EQ(smallest_budget(needs, Level::streamed), 160u) << "two buffers of 100 would be more";
}

TEST(Planner, SpreadsTheBlocksThatStayAmongThoseThatPass) {
  ModelNeeds needs = small_model();
  needs[1].components.front().blocks = blocks(std::vector<std::uint64_t>(8, 30));
  // 20 + 20 + two buffers + four blocks
  const MemoryPlan made = planned(needs, {.budget_bytes = 220});
  EXPECT_EQ(made.components[1].streamed_blocks,
            (std::vector<std::string>{"layers.1", "layers.3", "layers.5", "layers.7"}));
}

TEST(Planner, AForcedLevelMakesItsSacrificesAndNoMore) {
  const ModelNeeds needs = small_model();
  const auto at = [&](Level level, std::uint64_t budget = 10'000) {
    return planned(needs, {.budget_bytes = budget, .level = level});
  };
  EXPECT_EQ(at(Level::resident).copied_bytes, 0u);
  EXPECT_EQ(at(Level::turns).copied_bytes, 430u) << "all take turns, room or not";
  EXPECT_EQ(at(Level::turns).peak_bytes, 410u);
  EXPECT_TRUE(at(Level::sliced).phases[1].activations.one_by_one);
  EXPECT_EQ(at(Level::sliced).phases[2].activations.bytes, 90u) << "the least of the slices";
  EXPECT_EQ(streamed(at(Level::partial), "denoiser"), 3u);
  EXPECT_EQ(at(Level::partial).phases[2].activations.bytes, 400u) << "the denoiser alone is held";
  EXPECT_EQ(streamed(at(Level::streamed), "denoiser"), 10u);
  EXPECT_EQ(streamed(at(Level::streamed), "encoder"), 0u);
  for (const Level level : kLevels) EXPECT_EQ(at(level).level, level);

  const auto refused = refusal(needs, {.budget_bytes = 829, .level = Level::resident});
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->smallest_budget, 830u);
  EXPECT_EQ(refused->phase, Phase::decode);
}

TEST(Planner, ALevelThatHasNothingToGiveUpIsTheOneBelow) {
  ModelNeeds needs = small_model();
  needs[1].components.front() = {"denoiser", 320, {}};
  const MemoryPlan made = planned(needs, {.budget_bytes = 10'000, .level = Level::streamed});
  EXPECT_EQ(made.level, Level::sliced);
  EXPECT_EQ(made.phases[1].level, Level::sliced);
}

TEST(Planner, KnowsItsLevelsByName) {
  for (const Level level : kLevels) EXPECT_EQ(parse_level(to_string(level)), level);
  EXPECT_EQ(parse_level("fast"), std::nullopt);
}

// Models without rhyme or reason.
class AnyModel : public testing::TestWithParam<int> {
 protected:
  ModelNeeds draw() {
    ModelNeeds needs;
    for (const Phase phase : kPhases) {
      PhaseNeeds& own = needs[index_of(phase)];
      const std::uint64_t components = number(1, phase == Phase::encode ? 3 : 1);
      for (std::uint64_t i = 0; i < components; ++i) own.components.push_back(component());
      std::uint64_t bytes = number(1, 500);
      for (std::uint64_t i = number(1, 4); i > 0; --i) {
        own.activations.push_back({.bytes = bytes});
        bytes = number(0, bytes);
      }
      own.evaluations = static_cast<int>(number(1, 5));
    }
    return needs;
  }

  std::uint64_t number(std::uint64_t min, std::uint64_t max) {
    return std::uniform_int_distribution<std::uint64_t>(min, max)(random_);
  }

 private:
  ComponentWeights component() {
    std::vector<std::uint64_t> sizes(number(0, 12));
    const bool same = number(0, 1) == 0;
    const std::uint64_t size = number(1, 60);
    for (std::uint64_t& each : sizes) each = same ? size : number(0, 60);
    return {"component", number(0, 100), blocks(sizes)};
  }

  std::mt19937 random_{static_cast<std::uint32_t>(GetParam())};
};

TEST_P(AnyModel, IsNeverSlowerWithMoreBudgetAndNeverOverIt) {
  const ModelNeeds needs = draw();
  const std::uint64_t most = smallest_budget(needs, Level::resident) + 1;
  std::vector<std::optional<Level>> levels(kLevels.begin(), kLevels.end());
  levels.push_back(std::nullopt);
  for (const auto level : levels) {
    std::optional<MemoryPlan> before;
    for (std::uint64_t budget = 0; budget <= most; ++budget) {
      const auto result = plan(needs, {.budget_bytes = budget, .level = level});
      const auto* const made = std::get_if<MemoryPlan>(&result);
      ASSERT_EQ(before && made == nullptr, false) << "fits in less than " << budget;
      if (made == nullptr) continue;
      ASSERT_LE(made->peak_bytes, budget);
      for (const PhasePlan& phase : made->phases) ASSERT_LE(phase.peak_bytes, made->peak_bytes);
      if (before) {
        ASSERT_LE(made->level, before->level) << budget;
        ASSERT_LE(made->copied_bytes, before->copied_bytes) << budget;
      }
      before = *made;
    }
    ASSERT_TRUE(before);
  }
}

TEST_P(AnyModel, IsRefusedBelowItsSmallestBudgetOnly) {
  const ModelNeeds needs = draw();
  std::vector<std::optional<Level>> levels(kLevels.begin(), kLevels.end());
  levels.push_back(std::nullopt);
  for (const auto level : levels) {
    const auto refused = refusal(needs, {.budget_bytes = 0, .level = level});
    ASSERT_TRUE(refused);
    const std::uint64_t smallest = refused->smallest_budget;
    EXPECT_EQ(planned(needs, {.budget_bytes = smallest, .level = level}).peak_bytes, smallest);
    const auto below = refusal(needs, {.budget_bytes = smallest - 1, .level = level});
    ASSERT_TRUE(below);
    EXPECT_EQ(below->smallest_budget, smallest);
  }
}

INSTANTIATE_TEST_SUITE_P(Random, AnyModel, testing::Range(0, 12));

}  // namespace
}  // namespace bafa::memory
