// How text_to_image uses samplers: scaling, noise and memory lie with each picture, a step that
// fails leaves no trace in them. The denoiser is a function, so that numbers can be exact.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bafa/error.h"
#include "pipeline/text_to_image.h"
#include "support/refused.h"
#include "support/roomy_residency.h"
#include "support/samplers.h"

namespace bafa::pipeline {
namespace {

class NoText final : public Conditioner {
 public:
  int max_tokens() const override { return 1; }
  EncodedPrompt encode(const std::optional<std::string>& /*prompt*/) const override {
    return {.token_ids = {0}, .tokens = 1, .truncated = false, .embeds = at::zeros({1, 1})};
  }
};

// What the denoiser was shown, and how it fails when it is to.
struct Script {
  enum class Failure { none, throws, is_not_finite } failure = Failure::none;
  at::Tensor shown;
};

class ScriptedDenoiser final : public Denoiser {
 public:
  explicit ScriptedDenoiser(Script& script) : script_(script) {}
  std::int64_t latent_channels() const override { return 4; }
  PreparedText prepare(const EncodedPrompt& /*prompt*/) const override { return {}; }
  at::Tensor predict(const DenoiserInput& input) const override {
    script_.shown = input.latents;
    if (script_.failure == Script::Failure::throws)
      throw Error(ErrorCode::out_of_memory, "as the test wants it");
    at::Tensor prediction = test::stand_in(input.latents, input.timesteps);
    if (script_.failure == Script::Failure::is_not_finite) prediction[-1].fill_(NAN);
    return prediction;
  }
  std::uint64_t workspace_bytes(std::int64_t, std::int64_t) const override { return 1; }

 private:
  Script& script_;
};

class LatentsAsPicture final : public Decoder {
 public:
  int scale() const override { return 8; }
  at::Tensor decode(const at::Tensor& latents,
                    const model::DecodeOptions& /*options*/) const override {
    decoded = latents.clone();
    return latents.narrow(1, 0, 3);
  }
  std::uint64_t workspace_bytes(std::int64_t, std::int64_t) const override { return 1; }
  mutable at::Tensor decoded;
};

struct Wish {
  std::string sampler;
  std::int64_t seed = 1;
  int steps = 8;
};

class SamplersInThePipeline : public testing::Test {
 protected:
  SamplersInThePipeline() { open(at::kFloat); }

  void open(at::ScalarType noise_dtype) {
    Parts parts;
    parts.noise_dtype = noise_dtype;
    parts.conditioner = std::make_unique<NoText>();
    parts.denoiser = std::make_unique<ScriptedDenoiser>(script_);
    auto decoder = std::make_unique<LatentsAsPicture>();
    decoder_ = decoder.get();
    parts.decoder = std::move(decoder);
    parts.samplers = test::every_sampler({.eta = 0.4});
    TextToImageOptions options;
    options.capabilities.size = {.width = {8, 512, 40}, .height = {8, 512, 24}, .max_pixels = 9999};
    options.capabilities.steps = {1, 50, 8};
    names_.clear();
    for (const auto& sampler : parts.samplers) names_.emplace_back(sampler->name());
    options.capabilities.samplers = names_;
    pipeline_ = std::make_unique<TextToImage>(std::move(parts), std::move(options),
                                              test::roomy_residency());
  }

  ValidRequest valid(const Wish& wish) const {
    GenerateRequest request;
    request.sampler = wish.sampler;
    request.seed = wish.seed;
    request.steps = wish.steps;
    return validate(request, pipeline_->capabilities(), 0);
  }

  std::unique_ptr<Generation> begin(const Wish& wish) {
    const ValidRequest request = valid(wish);
    const ImageTask task{.request = &request};
    return std::move(pipeline_->begin({&task, 1}).front());
  }

  at::Tensor latents_of(Generation* generation) {
    pipeline_->finish({&generation, 1});
    return decoder_->decoded;
  }

  at::Tensor paint(const Wish& wish) {
    const auto owner = begin(wish);
    Generation* const generation = owner.get();
    while (!generation->denoised()) pipeline_->step({&generation, 1});
    return latents_of(generation);
  }

  Script script_;
  LatentsAsPicture* decoder_ = nullptr;
  std::vector<std::string> names_;
  std::unique_ptr<TextToImage> pipeline_;
};

TEST_F(SamplersInThePipeline, PaintAsTheSamplerAlone) {
  const auto samplers = test::every_sampler({.eta = 0.4});
  for (const at::ScalarType noise_dtype : {at::kFloat, at::kBFloat16}) {
    open(noise_dtype);
    for (const auto& sampler : samplers) {
      test::Painting alone(*sampler, 8, 1, {1, 4, 3, 5}, noise_dtype);
      test::paint(*sampler, alone);
      EXPECT_TRUE(at::equal(paint({.sampler = std::string(sampler->name())}), alone.latents))
          << sampler->name() << " " << noise_dtype;
    }
  }
}

TEST_F(SamplersInThePipeline, ShowTheDenoiserScaledLatents) {
  const auto owner = begin({.sampler = "euler", .steps = 4});
  Generation* const generation = owner.get();
  pipeline_->step({&generation, 1});
  EXPECT_LT(script_.shown.abs().max().item<float>(), 4) << "latents begin at sigma 14";
}

TEST_F(SamplersInThePipeline, CountForwardsAsSteps) {
  EXPECT_EQ(pipeline_->cost(valid({.sampler = "pndm"})).steps, 9);
  EXPECT_EQ(pipeline_->cost(valid({.sampler = "ddim"})).steps, 8);
  EXPECT_EQ(begin({.sampler = "pndm"})->steps_total(), 9);
  EXPECT_EQ(valid({.sampler = "pndm"}).params().steps, 8);
}

TEST_F(SamplersInThePipeline, ShareNoStepWithAnother) {
  EXPECT_FALSE(pipeline_->cost(valid({.sampler = "euler"})).batch_key ==
               pipeline_->cost(valid({.sampler = "ddim"})).batch_key);
  EXPECT_EQ(pipeline_->cost(valid({.sampler = "euler"})).batch_key,
            pipeline_->cost(valid({.sampler = "euler", .steps = 3})).batch_key);
}

TEST_F(SamplersInThePipeline, GiveAPictureTheSameAloneAndInABatchOfDifferentSteps) {
  for (const std::string& name : names_) {
    const auto first = begin({.sampler = name, .seed = 5, .steps = 8});
    Generation* const early = first.get();
    pipeline_->step({&early, 1});
    const auto second = begin({.sampler = name, .seed = 6, .steps = 8});
    std::vector<Generation*> both{early, second.get()};
    while (!early->denoised()) pipeline_->step(both);
    both.erase(both.begin());
    while (!second->denoised()) pipeline_->step(both);
    EXPECT_TRUE(at::equal(latents_of(early), paint({.sampler = name, .seed = 5}))) << name;
    EXPECT_TRUE(at::equal(latents_of(second.get()), paint({.sampler = name, .seed = 6}))) << name;
  }
}

// The last of a batch fails at every step, and the batch is tried again.
TEST_F(SamplersInThePipeline, AreAsTheyWereAfterAStepThatFails) {
  using Failure = Script::Failure;
  for (const std::string& name : names_) {
    for (const auto& [failure, code] : {std::pair{Failure::throws, ErrorCode::out_of_memory},
                                        {Failure::is_not_finite, ErrorCode::non_finite_output}}) {
      const auto first = begin({.sampler = name, .seed = 5});
      const auto second = begin({.sampler = name, .seed = 6});
      const std::vector<Generation*> both{first.get(), second.get()};
      while (!first->denoised()) {
        const int done = first->steps_done();
        script_.failure = failure;
        EXPECT_EQ(test::refused([&] { pipeline_->step(both); }).code, code) << name;
        EXPECT_EQ(first->steps_done(), done);
        script_.failure = Failure::none;
        pipeline_->step(both);
      }
      EXPECT_TRUE(at::equal(latents_of(first.get()), paint({.sampler = name, .seed = 5}))) << name;
      EXPECT_TRUE(at::equal(latents_of(second.get()), paint({.sampler = name, .seed = 6}))) << name;
    }
  }
}

}  // namespace
}  // namespace bafa::pipeline
