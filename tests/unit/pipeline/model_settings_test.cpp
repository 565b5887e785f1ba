#include "pipeline/model_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/refused.h"
#include "support/temporary_folder.h"

namespace bafa::pipeline {
namespace {

using test::refused;
using testing::ElementsAre;
using testing::HasSubstr;

ModelSettings settings_of(const std::string& json) {
  const test::TemporaryFolder folder;
  folder.write("model.json", json);
  return read_model_settings(folder.path());
}

ModelFacts facts() {
  return {.family = "Test",
          .samplers = {"lcm", "euler", "ddim"},
          .sampler_max_steps = {{"lcm", 25}, {"euler", 1000}, {"ddim", 40}},
          .latent_channels = 4};
}

TEST(ModelSettings, ChooseASamplerAndItsSpacing) {
  const ModelSettings settings =
      settings_of(R"({"sampler": "tcd", "timestep_spacing": "trailing", "eta": 0.3})");
  EXPECT_EQ(settings.sampler, "tcd");
  EXPECT_EQ(settings.timestep_spacing, "trailing");
  EXPECT_EQ(settings.eta, 0.3);
  EXPECT_EQ(settings_of("{}").sampler, "");
  EXPECT_EQ(settings_of(R"({"sampler": null})").timestep_spacing, "");
}

TEST(ModelSettings, RefuseUnknownSamplersWithTheChoices) {
  const test::Refused sampler = refused([] { settings_of(R"({"sampler": "heun"})"); });
  EXPECT_EQ(sampler.code, ErrorCode::invalid_model);
  EXPECT_EQ(sampler.param, "sampler");
  EXPECT_THAT(sampler.message, HasSubstr("dpmpp_2m_karras"));
  EXPECT_EQ(refused([] { settings_of(R"({"timestep_spacing": "even"})"); }).param,
            "timestep_spacing");
  EXPECT_EQ(refused([] { settings_of(R"({"sampler": ""})"); }).param, "sampler");
  EXPECT_EQ(refused([] { settings_of(R"({"eta": 1.5})"); }).param, "eta");
}

TEST(ModelCapabilities, ListTheSamplersAndThoseThatTakeFewerSteps) {
  const Capabilities capabilities = make_capabilities({}, facts(), {.max_steps = 50});
  EXPECT_THAT(capabilities.samplers, ElementsAre("lcm", "euler", "ddim"));
  EXPECT_THAT(capabilities.sampler_max_steps,
              ElementsAre(std::pair{"ddim", 40}, std::pair{"lcm", 25}));
}

TEST(ModelCapabilities, RefuseADefaultThatTheSamplerCannotTake) {
  const test::Refused why =
      refused([] { make_capabilities({.steps = 30}, facts(), {.max_steps = 50}); });
  EXPECT_EQ(why.code, ErrorCode::invalid_config);
  EXPECT_THAT(why.message, HasSubstr("25, the most that lcm takes"));
}

}  // namespace
}  // namespace bafa::pipeline
