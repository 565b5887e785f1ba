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

TEST(ModelCapabilities, TakeTheFamilysDefaultsWhereModelJsonSaysNone) {
  ModelFacts family = facts();
  family.defaults = {.steps = 20, .guidance_scale = 7.5};
  Capabilities capabilities = make_capabilities(settings_of("{}"), family, {});
  EXPECT_EQ(capabilities.steps.fallback, 20);
  EXPECT_EQ(capabilities.guidance_scale.fallback, 7.5);
  capabilities = make_capabilities(
      settings_of(R"({"defaults": {"steps": 3, "guidance_scale": 0}})"), family, {});
  EXPECT_EQ(capabilities.steps.fallback, 3);
  EXPECT_EQ(capabilities.guidance_scale.fallback, 0);
}

TEST(ModelCapabilities, SkipLayersOnlyWhereThereAreSome) {
  ModelFacts family = facts();
  family.max_clip_skip = 2;
  const ModelSettings settings = settings_of(R"({"defaults": {"clip_skip": 2}})");
  EXPECT_EQ(make_capabilities(settings, family, {}).clip_skip.fallback, 2);
  EXPECT_EQ(make_capabilities(settings_of("{}"), family, {}).clip_skip.fallback, 0);
  family.max_clip_skip = 1;
  const test::Refused why = refused([&] { make_capabilities(settings, family, {}); });
  EXPECT_EQ(why.param, "clip_skip");
  EXPECT_THAT(why.message, HasSubstr("1, the most"));
}

TEST(ModelCapabilities, RescaleGuidanceOnlyWhereItLeadsAwayFromAPrompt) {
  ModelFacts family = facts();
  EXPECT_EQ(make_capabilities({}, family, {}).guidance_rescale.max, 0.0);
  family.rescales_guidance = true;
  EXPECT_EQ(make_capabilities({}, family, {}).guidance_rescale.max, 1.0);
}

TEST(ModelCapabilities, LimitGuidanceOnlyWhereTheReferenceDoes) {
  ModelFacts family = facts();
  EXPECT_EQ(make_capabilities({}, family, {}).cfg_normalization.max, 0.0);
  EXPECT_EQ(make_capabilities({}, family, {}).cfg_truncation.min, 1.0);
  family.limits_guidance = true;
  const Capabilities capabilities = make_capabilities({}, family, {});
  EXPECT_EQ(capabilities.cfg_normalization.max, 20.0);
  EXPECT_EQ(capabilities.cfg_normalization.fallback, 0.0);
  EXPECT_EQ(capabilities.cfg_truncation.min, 0.0);
  EXPECT_EQ(capabilities.cfg_truncation.fallback, 1.0);
}

TEST(ModelCapabilities, RefuseADefaultThatTheSamplerCannotTake) {
  const test::Refused why =
      refused([] { make_capabilities({.steps = 30}, facts(), {.max_steps = 50}); });
  EXPECT_EQ(why.code, ErrorCode::invalid_config);
  EXPECT_THAT(why.message, HasSubstr("25, the most that lcm takes"));
}

}  // namespace
}  // namespace bafa::pipeline
