// Prompts through CLIP's encoders as the families of Stable Diffusion put them together, against
// the golden pictures. The tokenizers are stand-ins: ids are the golden ones.
#include "pipeline/families/clip_conditioner.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/golden.h"
#include "support/layer_weights.h"
#include "weights/checkpoint.h"

namespace bafa::pipeline {
namespace {

using test::GoldenFile;
using test::kGoldenData;
using test::relative_error;

constexpr double kError = 1e-5;  // a few layers in fp32

// Knows some prompts and their ids by heart.
class LearntTokenizer final : public text::Tokenizer {
 public:
  void learn(const std::string& prompt, const at::Tensor& ids) {
    const std::int64_t* begin = ids.const_data_ptr<std::int64_t>();
    prompts_[prompt] = {begin, begin + ids.numel()};
  }

  text::Tokens encode(std::string_view text) const override {
    return {.ids = prompts_.at(std::string(text)), .truncated = false};
  }
  int max_length() const override { return 16; }
  std::int64_t pad_id() const override { return 0; }
  std::int64_t vocabulary_size() const override { return 574; }

 private:
  std::map<std::string, std::vector<std::int64_t>> prompts_;
};

ClipTextPart open(const std::filesystem::path& folder, model::ClipTextHead head,
                  std::unique_ptr<text::Tokenizer> tokenizer) {
  ComponentConfig json(folder / "config.json");
  const model::ClipTextConfig config = model::parse_clip_text_config(json, head);
  weights::WeightMap map(
      weights::Checkpoint(folder, "model"),
      {.ignored = model::clip_text_unused(config), .rename = model::clip_text_name});
  model::ClipText encoder(config, map.root());
  map.finish();
  return {std::move(tokenizer), std::move(encoder)};
}

std::unique_ptr<LearntTokenizer> learnt(const GoldenFile& golden, const std::string& suffix) {
  auto tokenizer = std::make_unique<LearntTokenizer>();
  tokenizer->learn(golden.fact("prompt"), golden["token_ids" + suffix]);
  if (golden.has("negative_token_ids" + suffix)) {
    const std::string negative = golden.knows("negative") ? golden.fact("negative") : "";
    tokenizer->learn(negative, golden["negative_token_ids" + suffix]);
  }
  return tokenizer;
}

struct StableDiffusion {
  explicit StableDiffusion(const std::string& image)
      : golden(kGoldenData / "stable_diffusion/golden" / (image + ".safetensors")) {
    std::vector<ClipTextPart> parts;
    parts.push_back(open(kGoldenData / "stable_diffusion/text_encoder", model::ClipTextHead::none,
                         learnt(golden, "")));
    conditioner = std::make_unique<ClipConditioner>(std::move(parts), ClipConditionerOptions{});
  }

  c10::InferenceMode inference;
  GoldenFile golden;
  std::unique_ptr<ClipConditioner> conditioner;
};

struct StableDiffusionXl {
  explicit StableDiffusionXl(const std::string& image, bool zeros = true)
      : golden(kGoldenData / "stable_diffusion_xl/golden" / (image + ".safetensors")) {
    const std::filesystem::path folder = kGoldenData / "stable_diffusion_xl";
    std::vector<ClipTextPart> parts;
    parts.push_back(open(folder / "text_encoder", model::ClipTextHead::none, learnt(golden, "")));
    parts.push_back(
        open(folder / "text_encoder_2", model::ClipTextHead::projection, learnt(golden, "_2")));
    conditioner = std::make_unique<ClipConditioner>(
        std::move(parts),
        ClipConditionerOptions{
            .skipped_layers = 1, .final_norm = false, .zeros_for_absent_prompt = zeros});
  }

  c10::InferenceMode inference;
  GoldenFile golden;
  std::unique_ptr<ClipConditioner> conditioner;
};

TEST(ClipConditioner, GivesTheLastLayerOfOneEncoder) {
  const StableDiffusion model("negative");
  const EncodedPrompt prompt = model.conditioner->encode(model.golden.fact("prompt"));
  EXPECT_LT(relative_error(prompt.embeds, model.golden["prompt_embeds"]), kError);
  EXPECT_FALSE(prompt.pooled.defined());
  EXPECT_EQ(prompt.token_ids.size(), 16u);
  EXPECT_TRUE(prompt.token_ids_2.empty());
  const EncodedPrompt negative = model.conditioner->encode(model.golden.fact("negative"));
  EXPECT_LT(relative_error(negative.embeds, model.golden["negative_prompt_embeds"]), kError);
}

TEST(ClipConditioner, TakesAnAbsentPromptOfOneEncoderForAnEmptyOne) {
  const StableDiffusion model("guided");
  const EncodedPrompt absent = model.conditioner->encode(std::nullopt);
  EXPECT_LT(relative_error(absent.embeds, model.golden["negative_prompt_embeds"]), kError);
  EXPECT_TRUE(at::equal(absent.embeds, model.conditioner->encode("").embeds));
}

// hidden_states[-(n + 1)] and the final norm; what that is, the encoder's own tests say.
TEST(ClipConditioner, LeavesOutLayersAtTheEndOfOneEncoder) {
  const StableDiffusion model("negative");
  const std::string prompt = model.golden.fact("prompt");
  ASSERT_EQ(model.conditioner->max_clip_skip(), 2);
  const at::Tensor whole = model.conditioner->encode(prompt).embeds;
  EXPECT_TRUE(at::equal(model.conditioner->encode_skipping(prompt, 0).embeds, whole));
  const auto encoder = open(kGoldenData / "stable_diffusion/text_encoder",
                            model::ClipTextHead::none, learnt(model.golden, ""));
  for (const std::int64_t layers : {1, 2}) {
    const at::Tensor expected =
        encoder.encoder({.ids = model.golden["token_ids"].unsqueeze(0), .skipped_layers = layers})
            .hidden[0];
    const at::Tensor skipping =
        model.conditioner->encode_skipping(prompt, static_cast<int>(layers)).embeds;
    EXPECT_TRUE(at::equal(skipping, expected));
    EXPECT_FALSE(at::equal(skipping, whole));
  }
}

// Of both encoders; the last layer is left out in any case, the pooled text is of all layers.
TEST(ClipConditioner, LeavesOutMoreLayersOfTwoEncoders) {
  const StableDiffusionXl model("negative");
  const std::string prompt = model.golden.fact("prompt");
  ASSERT_EQ(model.conditioner->max_clip_skip(), 1);
  const EncodedPrompt whole = model.conditioner->encode(prompt);
  const EncodedPrompt skipping = model.conditioner->encode_skipping(prompt, 1);
  EXPECT_TRUE(at::equal(skipping.pooled, whole.pooled));
  EXPECT_FALSE(at::equal(skipping.embeds.narrow(1, 0, 16), whole.embeds.narrow(1, 0, 16)));
  EXPECT_FALSE(at::equal(skipping.embeds.narrow(1, 16, 20), whole.embeds.narrow(1, 16, 20)));
}

TEST(ClipConditioner, PutsTwoEncodersSideBySideWithAPooledText) {
  const StableDiffusionXl model("negative");
  EXPECT_EQ(model.conditioner->text_features(), 36);
  EXPECT_EQ(model.conditioner->pooled_features(), 20);
  for (const std::string prefix : {"", "negative_"}) {
    const std::string text = model.golden.fact(prefix.empty() ? "prompt" : "negative");
    const EncodedPrompt prompt = model.conditioner->encode(text);
    EXPECT_LT(relative_error(prompt.embeds, model.golden[prefix + "prompt_embeds"]), kError);
    EXPECT_LT(relative_error(prompt.pooled, model.golden[prefix + "pooled_prompt_embeds"]), kError);
    EXPECT_NE(prompt.token_ids, prompt.token_ids_2) << "they pad with different ids";
  }
}

TEST(ClipConditioner, TakesAnAbsentPromptForZerosAndAnEmptyOneForWhatItIs) {
  const StableDiffusionXl model("empty_negative");
  const EncodedPrompt empty = model.conditioner->encode("");
  EXPECT_LT(relative_error(empty.embeds, model.golden["negative_prompt_embeds"]), kError);
  const EncodedPrompt absent = model.conditioner->encode(std::nullopt);
  EXPECT_TRUE(at::equal(absent.embeds, at::zeros_like(empty.embeds)));
  EXPECT_TRUE(at::equal(absent.pooled, at::zeros_like(empty.pooled)));
  EXPECT_TRUE(absent.token_ids.empty()) << "nothing was fed to an encoder";
}

TEST(ClipConditioner, EncodesAnAbsentPromptWhereTheModelSaysSo) {
  const StableDiffusionXl model("empty_negative", false);
  const EncodedPrompt absent = model.conditioner->encode(std::nullopt);
  EXPECT_LT(relative_error(absent.embeds, model.golden["negative_prompt_embeds"]), kError);
}

}  // namespace
}  // namespace bafa::pipeline
