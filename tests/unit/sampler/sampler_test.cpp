// What holds for every sampler of a noise-predicting model, whatever it computes.
#include "sampler/sampler.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sampler/noise_levels.h"
#include "support/layer_weights.h"
#include "support/samplers.h"

namespace bafa::sampler {
namespace {

using test::Painting;
using test::relative_error;

class EverySampler : public testing::Test {
 protected:
  const std::vector<std::unique_ptr<Sampler>> samplers_ = test::every_sampler({.eta = 0.4});
};

TEST_F(EverySampler, IsThere) { EXPECT_EQ(samplers_.size() + 1, names().size()); }

// Of what is left of the picture at this step.
double alpha_of(const Schedule& schedule, const at::Tensor& alphas, int index) {
  const auto i = static_cast<std::size_t>(index);
  if (schedule.sigmas.empty())
    return alphas[static_cast<std::int64_t>(schedule.timesteps[i])].item<double>();
  return 1 / (1 + schedule.sigmas[i] * schedule.sigmas[i]);
}

TEST_F(EverySampler, PaintsThePictureThatTheDenoiserKnows) {
  const at::Tensor alphas = alphas_cumprod(
      {.beta_start = 0.00085, .beta_end = 0.012, .beta_curve = BetaCurve::scaled_linear},
      LastAlpha::as_computed);
  const at::Tensor picture = test::noise({1, 4, 3, 5}, 99);
  // From pure noise, where leading tables of few steps do not begin.
  for (const auto& sampler : test::every_sampler({.timestep_spacing = "trailing", .eta = 0.4})) {
    for (const int steps : {1, 2, 4, 8, 25}) {  // the strides of DDIM and PNDM fit these
      Painting painting(*sampler, steps, 7);
      test::paint(*sampler, painting, [&](const at::Tensor& shown, const at::Tensor&) {
        const double alpha = alpha_of(painting.schedule, alphas, painting.position.index);
        return (shown - std::sqrt(alpha) * picture) / std::sqrt(1 - alpha);
      });
      EXPECT_LT(relative_error(painting.denoised, picture), 1e-4) << sampler->name() << steps;
      // Those that end at timestep 0 keep its noise, 3 % of a picture.
      EXPECT_LT(relative_error(painting.latents, picture), 0.05) << sampler->name() << steps;
    }
  }
}

TEST_F(EverySampler, PaintsAPictureTheSameInABatchOfOtherSteps) {
  for (const auto& sampler : samplers_) {
    const std::vector<int> steps{8, 5, 1, 12, 2};
    std::vector<std::unique_ptr<Painting>> all;
    std::vector<Painting*> running;
    // They join one after another, so that each is at a step of its own.
    while (all.size() < steps.size() || !running.empty()) {
      if (all.size() < steps.size()) {
        all.push_back(std::make_unique<Painting>(*sampler, steps[all.size()], all.size()));
        running.push_back(all.back().get());
      }
      test::step_together(*sampler, running);
      std::erase_if(running, [](const Painting* painting) { return painting->done(); });
    }
    for (std::size_t i = 0; i < steps.size(); ++i) {
      Painting alone(*sampler, steps[i], i);
      test::paint(*sampler, alone);
      EXPECT_TRUE(at::equal(alone.latents, all[i]->latents)) << sampler->name() << " " << i;
      EXPECT_TRUE(at::equal(alone.denoised, all[i]->denoised)) << sampler->name() << " " << i;
    }
  }
}

TEST_F(EverySampler, LeavesWhatItWasGivenAsItWas) {
  for (const auto& sampler : samplers_) {
    Painting painting(*sampler, 8, 3);
    for (int done = 0; done < 5; ++done) {
      const at::Tensor before = painting.latents.clone();
      std::vector<at::Tensor> history;
      for (const at::Tensor& entry : painting.position.history) history.push_back(entry.clone());
      Position copy = painting.position;
      copy.generator = copy.generator.clone();
      std::vector<Position> positions{copy};
      const at::Tensor state = painting.position.generator.get_state();
      sampler->step(
          {.latents = painting.latents, .prediction = painting.latents, .positions = positions});
      EXPECT_TRUE(at::equal(before, painting.latents)) << sampler->name();
      EXPECT_TRUE(at::equal(state, painting.position.generator.get_state())) << sampler->name();
      for (std::size_t i = 0; i < history.size(); ++i)
        EXPECT_TRUE(at::equal(history[i], painting.position.history[i])) << sampler->name();
      test::step_together(*sampler, {&painting});
    }
  }
}

// Draws of a picture in five steps, at the last one too where the reference draws there.
TEST_F(EverySampler, DrawsAsOftenAsTheReference) {
  const std::map<std::string_view, int> draws{
      {"euler_ancestral", 5}, {"ddim", 5}, {"lcm", 4}, {"tcd", 4}};
  for (const auto& sampler : samplers_) {
    Painting painting(*sampler, 5, 3);
    test::paint(*sampler, painting);
    at::Generator generator = at::detail::createCPUGenerator(3);
    const auto found = draws.find(sampler->name());
    for (int drawn = 0; drawn <= (found == draws.end() ? 0 : found->second); ++drawn)
      at::randn({1, 4, 3, 5}, generator, at::kFloat);
    EXPECT_TRUE(at::equal(painting.position.generator.get_state(), generator.get_state()))
        << sampler->name();
  }
}

TEST_F(EverySampler, TakesPredictionsOfTheRunDtypeAndKeepsLatentsInFp32) {
  for (const auto& sampler : samplers_) {
    Painting painting(*sampler, 4, 3);
    test::paint(*sampler, painting, [](const at::Tensor& shown, const at::Tensor& timesteps) {
      return test::stand_in(shown, timesteps).to(at::kBFloat16);
    });
    EXPECT_EQ(painting.latents.scalar_type(), at::kFloat) << sampler->name();
    EXPECT_TRUE(painting.latents.isfinite().all().item<bool>()) << sampler->name();
  }
}

TEST_F(EverySampler, TakesAsManyStepsAsItSays) {
  for (const auto& sampler : samplers_) {
    const int most = sampler->max_steps();
    EXPECT_GE(most, 50) << sampler->name();
    const Schedule schedule = sampler->schedule(most);
    EXPECT_EQ(static_cast<int>(schedule.timesteps.size()), sampler->forwards(most));
    EXPECT_LT(*std::ranges::max_element(schedule.timesteps), 1000) << sampler->name();
    EXPECT_GE(*std::ranges::min_element(schedule.timesteps), 0) << sampler->name();
    EXPECT_TRUE(schedule.table.isfinite().all().item<bool>()) << sampler->name();
  }
}

}  // namespace
}  // namespace bafa::sampler
