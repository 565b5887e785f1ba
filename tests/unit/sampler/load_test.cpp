#include "sampler/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "support/golden.h"
#include "support/refused.h"
#include "support/samplers.h"

namespace bafa::sampler {
namespace {

using nlohmann::json;
using test::refused;
using test::samplers_of;
using test::scheduler_config;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> names_of(const json& config, const LoadOptions& options = {}) {
  std::vector<std::string> found;
  for (const auto& sampler : samplers_of(config, options)) found.emplace_back(sampler->name());
  return found;
}

std::string default_of(const json& config, const LoadOptions& options = {}) {
  return names_of(config, options).front();
}

test::Refused refusal_of(const json& config, const LoadOptions& options = {}) {
  return refused([&] { samplers_of(config, options); });
}

json with(json config, const std::string& key, const json& value) {
  config[key] = value;
  return config;
}

const json kEuler = scheduler_config("EulerDiscreteScheduler");
const json kFlow = {{"_class_name", "FlowMatchEulerDiscreteScheduler"}, {"shift", 3.0}};

TEST(LoadSamplers, OffersAllOfTheModelsKindItsOwnFirst) {
  EXPECT_THAT(names_of(kEuler), ElementsAre("euler", "euler_ancestral", "ddim", "lcm", "dpmpp_2m",
                                            "dpmpp_2m_karras", "tcd", "pndm"));
  EXPECT_THAT(names_of(scheduler_config("PNDMScheduler")),
              ElementsAre("pndm", "euler", "euler_ancestral", "ddim", "lcm", "dpmpp_2m",
                          "dpmpp_2m_karras", "tcd"));
  EXPECT_THAT(names_of(kFlow), ElementsAre("flow_match_euler"));
}

TEST(LoadSamplers, KnowsEveryClassByItsName) {
  const std::set<std::string> classes{"FlowMatchEulerDiscreteScheduler",
                                      "EulerDiscreteScheduler",
                                      "EulerAncestralDiscreteScheduler",
                                      "DDIMScheduler",
                                      "LCMScheduler",
                                      "DPMSolverMultistepScheduler",
                                      "TCDScheduler",
                                      "PNDMScheduler"};
  const std::vector<std::string> known = class_names();
  EXPECT_EQ(std::set<std::string>(known.begin(), known.end()), classes);
  const test::Refused why = refusal_of(scheduler_config("UniPCMultistepScheduler"));
  EXPECT_EQ(why.code, ErrorCode::unsupported_model);
  EXPECT_THAT(why.message, HasSubstr("UniPCMultistepScheduler"));
}

TEST(LoadSamplers, TellsKarrasSigmasByTheKey) {
  const json solver = scheduler_config("DPMSolverMultistepScheduler");
  EXPECT_EQ(default_of(solver), "dpmpp_2m");
  EXPECT_EQ(default_of(with(solver, "use_karras_sigmas", true)), "dpmpp_2m_karras");
  EXPECT_EQ(default_of(with(solver, "use_karras_sigmas", true), {.name = "dpmpp_2m"}), "dpmpp_2m");
  EXPECT_EQ(default_of(with(kEuler, "use_karras_sigmas", true)), "euler");
}

TEST(LoadSamplers, PutsTheModelsOwnChoiceFirst) {
  EXPECT_EQ(default_of(kEuler, {.name = "tcd"}), "tcd");
  EXPECT_EQ(names_of(kEuler, {.name = "tcd"}).size(), 8u);
  EXPECT_EQ(refusal_of(kFlow, {.name = "euler"}).param, "sampler");
  EXPECT_EQ(refusal_of(kEuler, {.name = "flow_match_euler"}).param, "sampler");
  EXPECT_EQ(refusal_of(kFlow, {.timestep_spacing = "trailing"}).param, "timestep_spacing");
}

TEST(LoadSamplers, SpacesAllAsTheModelSays) {
  for (const auto& sampler : samplers_of(kEuler, {.timestep_spacing = "trailing"})) {
    const Schedule schedule = sampler->schedule(4);
    EXPECT_EQ(schedule.timesteps.front(), 999) << sampler->name();
  }
  EXPECT_EQ(samplers_of(kEuler, {.timestep_spacing = "leading"}).front()->schedule(4).timesteps[0],
            751);
}

TEST(LoadSamplers, LeavesOutWhatTheConfigDoesNotAllow) {
  EXPECT_THAT(names_of(with(kEuler, "prediction_type", "sample")),
              ElementsAre("euler", "ddim", "lcm", "dpmpp_2m", "dpmpp_2m_karras", "tcd"));
  EXPECT_THAT(names_of(with(kEuler, "thresholding", true)), Not(Contains("ddim")));
  EXPECT_THAT(names_of(with(kEuler, "algorithm_type", "sde-dpmsolver++")),
              Not(Contains("dpmpp_2m")));
  EXPECT_THAT(names_of(with(kEuler, "skip_prk_steps", false)), Not(Contains("pndm")));
  json without = kEuler;
  without.erase("skip_prk_steps");
  EXPECT_THAT(names_of(without), Not(Contains("pndm")));
}

TEST(LoadSamplers, RefusesByNameWhatTheDefaultDoesNotAllow) {
  const json solver = scheduler_config("DPMSolverMultistepScheduler");
  const json ddim = scheduler_config("DDIMScheduler");
  const json ancestral = scheduler_config("EulerAncestralDiscreteScheduler");
  const json pndm = scheduler_config("PNDMScheduler");
  const std::vector<std::tuple<json, const char*, json>> refusals{
      {kEuler, "interpolation_type", "log_linear"},
      {kEuler, "timestep_type", "continuous"},
      {kEuler, "use_exponential_sigmas", true},
      {kEuler, "use_beta_sigmas", true},
      {kEuler, "sigma_min", 0.1},
      {kEuler, "sigma_max", 3},
      {kEuler, "final_sigmas_type", "other"},
      {kEuler, "trained_betas", {0.1, 0.2}},
      {kEuler, "beta_schedule", "sigmoid"},
      {kEuler, "prediction_type", "flow"},
      {kEuler, "timestep_spacing", "uneven"},
      {kEuler, "unheard_of", 1},
      {ancestral, "prediction_type", "sample"},
      {pndm, "prediction_type", "sample"},
      {pndm, "skip_prk_steps", false},
      {ddim, "thresholding", true},
      {solver, "solver_order", 3},
      {solver, "algorithm_type", "sde-dpmsolver++"},
      {solver, "solver_type", "heun"},
      {solver, "thresholding", true},
      {solver, "use_lu_lambdas", true},
      {solver, "use_flow_sigmas", true},
      {solver, "lambda_min_clipped", -5.1},
      {solver, "variance_type", "learned_range"},
      {solver, "use_exponential_sigmas", true},
      {solver, "use_dynamic_shifting", true},
      {scheduler_config("LCMScheduler"), "thresholding", true}};
  for (const auto& [config, key, value] : refusals) {
    const test::Refused why = refusal_of(with(config, key, value));
    EXPECT_EQ(why.code, ErrorCode::unsupported_model) << key;
    EXPECT_EQ(why.param, key);
    EXPECT_THAT(why.message, HasSubstr("scheduler_config.json")) << key;
  }
}

TEST(LoadSamplers, RefusesNumbersThatMeanNothing) {
  for (const auto& [key, value] : std::vector<std::pair<const char*, json>>{
           {"beta_start", 0}, {"beta_end", 1.5}, {"num_train_timesteps", 1}, {"steps_offset", -1}})
    EXPECT_EQ(refusal_of(with(kEuler, key, value)).code, ErrorCode::invalid_model) << key;
  EXPECT_EQ(
      refusal_of(with(scheduler_config("LCMScheduler"), "original_inference_steps", 2000)).code,
      ErrorCode::invalid_model);
}

// Keys of a class that have no effect on it in the reference either, or only on what bafa refuses.
const std::set<std::string> kWithoutEffect{"dynamic_thresholding_ratio", "sample_max_value",
                                           "flow_shift", "time_shift_type"};
const std::set<std::string> kWithoutEffectOnConsistencyModels{"set_alpha_to_one"};
const std::set<std::string> kWithoutEffectOnTcd{"clip_sample", "clip_sample_range", "thresholding",
                                                "timestep_scaling"};

// Of what the reference saves for each class, nothing is passed over: a value that makes no sense
// is noticed. Whether the others are honoured rightly is told by their numbers.
TEST(LoadSamplers, ReadsEveryKeyOfEveryClass) {
  const json tables = json::parse(std::ifstream(test::kGoldenData / "samplers" / "tables.json"));
  for (const char* name : {"euler.leading", "euler_ancestral.leading", "ddim.leading", "lcm", "tcd",
                           "dpmpp_2m.leading", "pndm.leading"}) {
    const json& config = tables.at(name);
    for (const auto& [key, value] : config.items()) {
      const bool consistency = name == std::string("lcm") || name == std::string("tcd");
      if (key.starts_with('_') || kWithoutEffect.contains(key) ||
          (consistency && kWithoutEffectOnConsistencyModels.contains(key)) ||
          (name == std::string("tcd") && kWithoutEffectOnTcd.contains(key)))
        continue;
      EXPECT_THAT(refusal_of(with(config, key, json::object())).message, HasSubstr(key)) << name;
    }
  }
}

TEST(LoadSamplers, DropsKeysOfOtherSchedulersAsTheReferenceDoes) {
  // What SDXL ships: most of it is not Euler's.
  const json shipped = {{"_class_name", "EulerDiscreteScheduler"},
                        {"_diffusers_version", "0.19.0.dev0"},
                        {"beta_end", 0.012},
                        {"beta_schedule", "scaled_linear"},
                        {"beta_start", 0.00085},
                        {"clip_sample", false},
                        {"interpolation_type", "linear"},
                        {"num_train_timesteps", 1000},
                        {"prediction_type", "epsilon"},
                        {"sample_max_value", 1.0},
                        {"set_alpha_to_one", false},
                        {"skip_prk_steps", true},
                        {"steps_offset", 1},
                        {"timestep_spacing", "leading"},
                        {"trained_betas", nullptr},
                        {"use_karras_sigmas", false}};
  EXPECT_EQ(names_of(shipped).size(), 8u);
}

TEST(LoadSamplers, FixesOffsetAndClippingAsOlderPipelinesDo) {
  json config = scheduler_config("DDIMScheduler");
  config["steps_offset"] = 0;
  config["clip_sample"] = true;
  const auto as_shipped = samplers_of(config);
  const auto fixed = samplers_of(config, {.fix = PipelineFix::offset_one_and_no_clipping});
  EXPECT_EQ(as_shipped.front()->schedule(4).timesteps.back(), 0);
  EXPECT_EQ(fixed.front()->schedule(4).timesteps.back(), 1);

  test::Painting clipped(*as_shipped.front(), 4, 1);
  test::Painting free(*fixed.front(), 4, 1);
  test::paint(*as_shipped.front(), clipped);
  test::paint(*fixed.front(), free);
  EXPECT_LE(clipped.denoised.abs().max().item<float>(), 1);
  EXPECT_GT(free.denoised.abs().max().item<float>(), 1);
  EXPECT_EQ(names_of(kFlow, {.fix = PipelineFix::offset_one_and_no_clipping}).size(), 1u);
}

TEST(LoadSamplers, HandsEtaToThoseThatHaveOne) {
  const auto plain = test::every_sampler();
  const auto noisy = test::every_sampler({.eta = 1.0});
  for (std::size_t i = 0; i < plain.size(); ++i) {
    test::Painting one(*plain[i], 4, 1);
    test::Painting other(*noisy[i], 4, 1);
    test::paint(*plain[i], one);
    test::paint(*noisy[i], other);
    const bool has_eta = plain[i]->name() == "ddim" || plain[i]->name() == "tcd";
    EXPECT_EQ(at::equal(one.latents, other.latents), !has_eta) << plain[i]->name();
  }
}

}  // namespace
}  // namespace bafa::sampler
