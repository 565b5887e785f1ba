// Every sampler against the reference's schedulers: the tables to the bit, whole trajectories with
// a stand-in for the denoiser, and the tiny AltDiffusion painted with some.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pipeline/load.h"
#include "pipeline/trace.h"
#include "sampler/noise_levels.h"
#include "support/golden.h"
#include "support/layer_weights.h"
#include "support/samplers.h"
#include "support/temporary_folder.h"

namespace bafa {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::GoldenFile;
using test::Painting;
using test::relative_error;

// One of the files of golden/samplers.py: its cases with their configs, and their numbers.
struct Golden {
  explicit Golden(const std::string& name)
      : numbers(test::kGoldenData / "samplers" / (name + ".safetensors")),
        cases(json::parse(std::ifstream(test::kGoldenData / "samplers" / (name + ".json")))) {}

  GoldenFile numbers;
  json cases;
};

at::Tensor joined(const std::vector<float>& values) { return at::tensor(values, at::kFloat); }

TEST(SamplerTables, HaveTheReferencesNoiseToTheBit) {
  const Golden golden("alphas");
  ASSERT_EQ(golden.cases.size(), 6u);
  for (const auto& [name, config] : golden.cases.items()) {
    ComponentConfig reader(config, name);
    const sampler::DiffusionConfig diffusion = sampler::parse_diffusion_config(reader, {});
    const at::Tensor alphas = sampler::alphas_cumprod(diffusion, sampler::LastAlpha::as_computed);
    EXPECT_TRUE(at::equal(alphas, golden.numbers[name])) << name;
  }
}

TEST(SamplerTables, HaveTheReferencesTimesToTheBit) {
  const Golden golden("tables");
  ASSERT_GT(golden.cases.size(), 20u);
  for (const auto& [name, config] : golden.cases.items()) {
    const auto sampler = std::move(test::samplers_of(config).front());
    const std::string table = config.value("_table", name);
    std::vector<float> timesteps, sigmas, scales;
    for (const int steps : config.at("_steps")) {
      const sampler::Schedule schedule = sampler->schedule(steps);
      EXPECT_EQ(schedule.timesteps.size(), static_cast<std::size_t>(sampler->forwards(steps)));
      timesteps.insert(timesteps.end(), schedule.timesteps.begin(), schedule.timesteps.end());
      sigmas.insert(sigmas.end(), schedule.sigmas.begin(), schedule.sigmas.end());
      scales.push_back(schedule.initial_scale);
    }
    const at::Tensor expected = golden.numbers["timesteps." + table];
    // Those are no whole numbers, and hang on the last bit of numpy's logarithm.
    const bool exact = name != "euler.karras";
    EXPECT_TRUE(exact ? at::equal(joined(timesteps), expected)
                      : relative_error(joined(timesteps), expected) < 1e-6)
        << name;
    EXPECT_EQ(golden.numbers.has("sigmas." + table), !sigmas.empty()) << name;
    if (!sigmas.empty()) {
      EXPECT_TRUE(at::equal(joined(sigmas), golden.numbers["sigmas." + table])) << name;
    }
    const std::string scale = "initial_scale." + table;
    EXPECT_TRUE(at::equal(joined(scales), golden.numbers.has(scale)
                                              ? golden.numbers[scale]
                                              : at::ones_like(joined(scales))))
        << name;
  }
}

TEST(SamplerTrajectories, EndWhereTheReferenceEnds) {
  const Golden golden("trajectories");
  ASSERT_GT(golden.cases.size(), 40u);
  for (const auto& [name, facts] : golden.cases.items()) {
    const auto samplers =
        test::samplers_of(facts.at("config"), {.eta = facts.at("eta").get<double>()});
    const sampler::Sampler& sampler = *samplers.front();
    EXPECT_EQ(sampler.name(), facts.at("name").get<std::string>());
    for (const int steps : {1, 2, 3, 6, 20}) {
      Painting painting(sampler, steps, facts.at("seed").get<std::uint64_t>());
      std::vector<at::Tensor> states{painting.latents};
      while (!painting.done()) {
        test::step_together(sampler, {&painting});
        states.push_back(painting.latents);
      }
      const at::Tensor expected = golden.numbers[name + "." + std::to_string(steps)];
      if (expected.size(0) == 1) {
        EXPECT_LT(relative_error(states.back(), expected), 1e-6) << name << " " << steps;
        continue;
      }
      ASSERT_EQ(expected.size(0), static_cast<std::int64_t>(states.size())) << name;
      for (std::size_t i = 0; i < states.size(); ++i) {
        const at::Tensor state = expected.narrow(0, static_cast<std::int64_t>(i), 1);
        EXPECT_LT(relative_error(states[i], state), 1e-6) << name << " after " << i;
      }
    }
  }
}

// The tiny checkpoint with another scheduler.
void copy_model(const fs::path& to, const json& config) {
  fs::copy(test::kGoldenData / "alt_diffusion", to, fs::copy_options::recursive);
  json index = json::parse(std::ifstream(to / "model_index.json"));
  index["scheduler"][1] = config.at("_class_name");
  std::ofstream(to / "model_index.json") << index;
  std::ofstream(to / "scheduler" / "scheduler_config.json") << config;
}

TEST(SamplerImages, EndWhereTheReferencePipelineEnds) {
  const Golden golden("images");
  ASSERT_EQ(golden.cases.size(), 3u);
  for (const auto& [name, config] : golden.cases.items()) {
    const test::TemporaryFolder folder;
    copy_model(folder.path() / "model", config);
    pipeline::Trace trace;
    const auto pipeline =
        pipeline::load({.path = folder.path() / "model", .dtype = "fp32", .trace = &trace});
    EXPECT_EQ(pipeline->capabilities().samplers.front(), name);
    GenerateRequest request;
    request.prompt = "a red apple";
    request.seed = 42;
    request.steps = 4;
    const ValidRequest valid = validate(request, pipeline->capabilities(), 0);
    const ImageTask task{.request = &valid};
    const auto generations = pipeline->begin({&task, 1});
    Generation* const generation = generations.front().get();
    EXPECT_EQ(generation->steps_total(), name == "pndm" ? 5 : 4);
    EXPECT_EQ(pipeline->cost(valid).steps, generation->steps_total());
    while (!generation->denoised()) pipeline->step({&generation, 1});
    trace.write(folder.path() / "trace.safetensors");
    const std::string last = "latents." + std::to_string(generation->steps_total());
    const GoldenFile traced(folder.path() / "trace.safetensors");
    EXPECT_LT(relative_error(traced[last], golden.numbers[name]), 1e-4) << name;
    EXPECT_TRUE(at::equal(traced["noise"], test::noise({1, 4, 8, 8}, 42)[0])) << name;
    EXPECT_EQ(traced.has("sigmas"), name == "euler_ancestral");
  }
}

}  // namespace
}  // namespace bafa
