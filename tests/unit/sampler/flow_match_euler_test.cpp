#include "sampler/flow_match_euler.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string>

#include "support/refused.h"

namespace bafa::sampler {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

FlowMatchEulerConfig parse(const char* json) {
  ComponentConfig config(Json::parse(json), "scheduler_config.json");
  return parse_flow_match_euler_config(config);
}

TEST(FlowMatchEuler, SpacesItsStepsEvenlyWithoutAShift) {
  const Schedule schedule = FlowMatchEuler({.shift = 1.0}).schedule(4);
  EXPECT_THAT(schedule.timesteps, ElementsAre(1000, 750, 500, 250));
  EXPECT_THAT(schedule.sigmas, ElementsAre(1, .75f, .5f, .25f, 0));
}

TEST(FlowMatchEuler, ShiftsTowardsHighNoise) {
  const Schedule schedule = FlowMatchEuler({.shift = 3.0}).schedule(8);
  EXPECT_THAT(schedule.sigmas,
              ElementsAre(1, .95454544f, .9f, .83333331f, .75f, .64285713f, .5f, .3f, 0));
}

// As torch.linspace(1, 1 / 10, 10) is rounded, which numpy's in double is not.
TEST(FlowMatchEuler, SpacesInFp32WhereAPipelineDoes) {
  const FlowMatchEuler exact({.shift = 3.0, .sigmas_in_fp32 = true});
  EXPECT_EQ(exact.schedule(8).sigmas, FlowMatchEuler({.shift = 3.0}).schedule(8).sigmas);
  EXPECT_NE(exact.schedule(10).sigmas, FlowMatchEuler({.shift = 3.0}).schedule(10).sigmas);
  EXPECT_THAT(exact.schedule(1).sigmas, ElementsAre(1, 0));
}

TEST(FlowMatchEuler, OneStepGoesAllTheWay) {
  const Schedule schedule = FlowMatchEuler({.shift = 3.0}).schedule(1);
  EXPECT_THAT(schedule.timesteps, ElementsAre(1000));
  EXPECT_THAT(schedule.sigmas, ElementsAre(1, 0));
}

TEST(FlowMatchEuler, MovesEachImageByItsOwnStep) {
  const FlowMatchEuler sampler({.shift = 1.0});
  const Schedule four = sampler.schedule(4);
  const Schedule two = sampler.schedule(2);
  std::array<Position, 2> positions{Position{&four, 1}, Position{&two, 0}};
  const StepOutput after = sampler.step({.latents = at::full({2, 1, 1, 2}, 1.0),
                                         .prediction = at::full({2, 1, 1, 2}, 2.0),
                                         .positions = positions});
  // The first is at sigma .75 and goes to .5, the second at 1 and goes to .5.
  EXPECT_TRUE(at::equal(after.latents.flatten(), at::tensor({.5f, .5f, 0.f, 0.f})));
  EXPECT_TRUE(at::equal(after.denoised.flatten(), at::tensor({-.5f, -.5f, -1.f, -1.f})));
}

TEST(FlowMatchEuler, KeepsTheLatentsInFp32) {
  const FlowMatchEuler sampler({.shift = 1.0});
  const Schedule schedule = sampler.schedule(1);
  std::array<Position, 1> positions{Position{&schedule, 0}};
  const StepOutput after =
      sampler.step({.latents = at::full({1, 1, 1, 1}, 1.00390625),
                    .prediction = at::full({1, 1, 1, 1}, 0.0, at::TensorOptions(at::kBFloat16)),
                    .positions = positions});
  EXPECT_EQ(after.latents.scalar_type(), at::kFloat);
  EXPECT_EQ(after.latents.item<float>(), 1.00390625f);
}

TEST(FlowMatchEuler, ReadsItsConfig) {
  const FlowMatchEulerConfig config = parse(
      R"({"_class_name":"FlowMatchEulerDiscreteScheduler","shift":3,"num_train_timesteps":500,
          "use_dynamic_shifting":false,"shift_terminal":null,"base_shift":0.5,
          "time_shift_type":"exponential","use_karras_sigmas":false})");
  EXPECT_EQ(config.shift, 3.0);
  EXPECT_EQ(config.num_train_timesteps, 500);
  EXPECT_EQ(parse("{}").shift, 1.0);
}

TEST(FlowMatchEuler, RefusesOptionsThatItLacksByName) {
  for (const char* option : {"use_dynamic_shifting", "use_karras_sigmas", "use_exponential_sigmas",
                             "use_beta_sigmas", "invert_sigmas", "stochastic_sampling"}) {
    const std::string json = R"({")" + std::string(option) + R"(":true})";
    const test::Refused refused = test::refused([&] { parse(json.c_str()); });
    EXPECT_EQ(refused.code, ErrorCode::unsupported_model);
    EXPECT_EQ(refused.param, option);
  }
  EXPECT_EQ(test::refused([] { parse(R"({"shift_terminal":0.1})"); }).param, "shift_terminal");
  EXPECT_EQ(test::refused([] { parse(R"({"sigma_min":0.1})"); }).param, "sigma_min");
  EXPECT_EQ(test::refused([] { parse(R"({"shift":0})"); }).code, ErrorCode::invalid_model);
}

}  // namespace
}  // namespace bafa::sampler
