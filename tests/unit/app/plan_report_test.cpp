#include "app/plan_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/json.h"

namespace bafa::app {
namespace {

using memory::Level;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr std::uint64_t kMiB = 1 << 20;

memory::ModelNeeds needs() {
  memory::ModelNeeds needs;
  needs[0] = {.components = {{"text_encoder", 100 * kMiB, {}}}, .activations = {{kMiB}}};
  needs[1] = {.components = {{"unet", 10 * kMiB, std::vector<memory::Block>(5, {"b", 50 * kMiB})}},
              .activations = {{20 * kMiB}},
              .evaluations = 4};
  needs[2] = {.components = {{"vae", 5 * kMiB, {}}},
              .activations = {{300 * kMiB}, {.bytes = 200 * kMiB, .tile = 64}}};
  return needs;
}

PlanReport report(std::uint64_t budget_mib) {
  const memory::Policy policy{.budget_bytes = budget_mib * kMiB, .bytes_per_second = 1e9};
  return {.model = "tiny",
          .family = "TinyPipeline",
          .dtype = "bf16",
          .workload = {.width = 512, .height = 256, .batch = 2, .tokens = 77, .guided = true},
          .steps = 4,
          .budget_bytes = policy.budget_bytes,
          .bytes_per_second = policy.bytes_per_second,
          .outcome = plan(needs(), policy),
          .levels = level_rows(needs(), policy.bytes_per_second),
          .left_out = {"safety_checker"}};
}

TEST(PlanReport, ListsTheLevelsThatNeedLessThanTheOneBefore) {
  const auto rows = level_rows(needs(), 1e9);
  std::vector<Level> levels;
  for (const LevelRow& row : rows) levels.push_back(row.level);
  EXPECT_EQ(levels, (std::vector{Level::resident, Level::turns, Level::sliced, Level::partial}))
      << "the decoder needs 205 MiB however the denoiser is streamed";
  EXPECT_EQ(rows.front().smallest_budget, 665 * kMiB);
  EXPECT_EQ(rows.front().extra_seconds, 0);
  EXPECT_EQ(rows.back().smallest_budget, 205 * kMiB);
}

TEST(PlanReport, TellsPeopleWhatGoesWhere) {
  const std::string table = as_table(report(270));
  EXPECT_THAT(
      table, AllOf(HasSubstr("512x256, batch 2 guided, 4 steps, 77 prompt tokens"),
                   HasSubstr("partial"), HasSubstr("tiles of 64 latents"),
                   HasSubstr("blocks stay to denoise"), HasSubstr("comes to encode, then leaves")));
  EXPECT_THAT(table, AllOf(HasSubstr("not used to paint: safety_checker"), HasSubstr("estimates")));
  EXPECT_THAT(as_table(report(700)), HasSubstr("always on the device"));
}

TEST(PlanReport, TellsProgramsTheSame) {
  const Json json = parse_json(as_json(report(270)));
  EXPECT_EQ(json["plan"]["level"], "partial");
  EXPECT_EQ(json["plan"]["phases"][2]["tile"], 64);
  EXPECT_EQ(json["plan"]["components"][1]["placement"], "streamed");
  EXPECT_EQ(json["smallest_budget_bytes"], nullptr);
  EXPECT_EQ(json["size"], "512x256");
  EXPECT_EQ(json["levels"].size(), 4u);
}

TEST(PlanReport, NamesTheBudgetThatWouldDo) {
  const PlanReport refused = report(100);
  const auto* const refusal = std::get_if<memory::Refusal>(&refused.outcome);
  ASSERT_NE(refusal, nullptr);
  EXPECT_THAT(refusal_text(refused, *refusal),
              AllOf(HasSubstr("100.0 MiB"), HasSubstr("decode"), HasSubstr("--budget 205MiB")));
  EXPECT_THAT(as_table(refused), AllOf(HasSubstr("partial"), Not(HasSubstr("component"))));
  const Json json = parse_json(as_json(refused));
  EXPECT_EQ(json["plan"], nullptr);
  EXPECT_EQ(json["smallest_budget_bytes"], 205 * kMiB);
}

}  // namespace
}  // namespace bafa::app
