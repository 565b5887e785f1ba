// The denoiser of each family fed with the golden embeddings and latents: each step's prediction
// without tokenizer and sampler.
#include "pipeline/families/unet_diffusion.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/golden.h"
#include "support/layer_weights.h"
#include "support/refused.h"

namespace bafa::pipeline {
namespace {

using test::GoldenFile;
using test::kGoldenData;
using test::relative_error;

struct Case {
  std::string family, image;
  UNetRules rules;
};

class UNetDenoiserGolden : public testing::TestWithParam<Case> {
 protected:
  EncodedPrompt prompt(const std::string& prefix) const {
    EncodedPrompt encoded;
    encoded.embeds = golden_[prefix + "prompt_embeds"];
    if (golden_.has(prefix + "pooled_prompt_embeds"))
      encoded.pooled = golden_[prefix + "pooled_prompt_embeds"];
    return encoded;
  }

  LoadedUNet open() const {
    return load_unet(read_model_index(kGoldenData / GetParam().family), {}, GetParam().rules);
  }

  const GoldenFile golden_{kGoldenData / GetParam().family / "golden" /
                           (GetParam().image + ".safetensors")};
  const c10::InferenceMode inference_;
};

// Unguided: the prompt alone. Guided: away from the negative one.
TEST_P(UNetDenoiserGolden, PredictsWhatTheReferenceDoesAtEachStep) {
  const LoadedUNet unet = open();
  std::vector<PreparedText> texts{unet.denoiser->prepare(prompt(""))};
  const bool guided = golden_.has("negative_prompt_embeds");
  if (guided) texts.insert(texts.begin(), unet.denoiser->prepare(prompt("negative_")));
  std::vector<const PreparedText*> pointers;
  for (const PreparedText& text : texts) pointers.push_back(&text);

  const double scale = std::stod(golden_.fact("guidance"));
  const auto count = static_cast<std::int64_t>(texts.size());
  const int steps = std::stoi(golden_.fact("steps"));
  for (int step = 1; step <= steps; ++step) {
    const std::string name = "." + std::to_string(step);
    DenoiserInput input{.latents = golden_["denoiser_input" + name].unsqueeze(0)};
    input.latents = input.latents.repeat({count, 1, 1, 1});
    input.timesteps = golden_["timesteps"].narrow(0, step - 1, 1).repeat({count});
    input.texts = pointers;
    input.guidance_scales = at::full({count}, scale, at::kDouble);
    input.width = std::stoi(golden_.fact("width"));
    input.height = std::stoi(golden_.fact("height"));
    at::Tensor prediction = unet.denoiser->predict(input);
    if (guided) prediction = prediction[0] + scale * (prediction[1] - prediction[0]);
    EXPECT_LT(
        relative_error(prediction.view(golden_["noise"].sizes()), golden_["prediction" + name]),
        1e-4)
        << name;
  }
}

constexpr UNetRules kPooled{.pooled_text = true};
constexpr UNetRules kGuidance{.guidance = UNetRules::Guidance::is_an_input};

INSTANTIATE_TEST_SUITE_P(All, UNetDenoiserGolden,
                         testing::Values(Case{"stable_diffusion", "guided", {}},
                                         Case{"stable_diffusion", "negative", {}},
                                         Case{"stable_diffusion", "odd_size", {}},
                                         Case{"stable_diffusion_xl", "no_negative", kPooled},
                                         Case{"stable_diffusion_xl", "negative", kPooled},
                                         Case{"stable_diffusion_xl", "odd_size", kPooled},
                                         Case{"latent_consistency", "guidance", kGuidance},
                                         Case{"latent_consistency", "odd_size", kGuidance}),
                         [](const auto& test) {
                           return test.param.family + "_" + test.param.image;
                         });

TEST(LoadUNet, TakesGuidanceAsAnInputWhereTheConfigSaysSo) {
  const auto takes = [](const std::string& family, const UNetRules& rules) {
    return load_unet(read_model_index(kGoldenData / family), {}, rules).denoiser->takes_guidance();
  };
  EXPECT_TRUE(takes("latent_consistency", {}));
  EXPECT_FALSE(takes("stable_diffusion", {}));
}

TEST(LoadUNet, RefusesANetworkThatTakesInSomethingElseThanItsFamilyGives) {
  const auto refusal = [](const std::string& family, const UNetRules& rules) {
    return test::refused([&] { load_unet(read_model_index(kGoldenData / family), {}, rules); });
  };
  EXPECT_EQ(refusal("stable_diffusion_xl", {}).param, "addition_embed_type");
  EXPECT_EQ(refusal("stable_diffusion", kPooled).param, "addition_embed_type");
  EXPECT_EQ(refusal("stable_diffusion", kGuidance).param, "time_cond_proj_dim");
}

}  // namespace
}  // namespace bafa::pipeline
