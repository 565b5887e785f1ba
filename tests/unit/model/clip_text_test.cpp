#include "model/clip_text.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <string>

#include "support/golden.h"
#include "support/layer_weights.h"
#include "support/refused.h"

namespace bafa::model {
namespace {

using test::GoldenFile;
using test::kGoldenData;
using test::relative_error;

constexpr double kError = 1e-5;  // three layers in fp32

// An encoder of the golden data.
struct Golden {
  Golden(const std::string& name, ClipTextHead head)
      : file(kGoldenData / name / "config.json"),
        config(parse_clip_text_config(file, head)),
        numbers(kGoldenData / name / "golden.safetensors") {}

  // The encoder with `config` as it is now.
  ClipText open() const {
    weights::WeightMap map(weights::Checkpoint(folder(), "model"),
                           {.ignored = clip_text_unused(config), .rename = clip_text_name});
    ClipText encoder(config, map.root());
    map.finish();
    return encoder;
  }

  std::filesystem::path folder() const {
    return std::filesystem::path(file.source()).parent_path();
  }

  c10::InferenceMode inference;
  ComponentConfig file;
  ClipTextConfig config;
  GoldenFile numbers;
};

// Its file has text_model. before each name, and stored position ids.
TEST(ClipText, EqualsTheReferenceUnderPublishedNames) {
  const Golden golden("clip_text", ClipTextHead::none);
  EXPECT_EQ(golden.config.activation, nn::Activation::quick_gelu);
  const ClipText encoder = golden.open();
  const at::Tensor ids = golden.numbers["token_ids"];
  const ClipText::Output output = encoder({.ids = ids});
  EXPECT_LT(relative_error(output.hidden, golden.numbers["last_hidden_state"]), kError);
  EXPECT_FALSE(output.pooled.defined());
}

TEST(ClipText, GivesEarlierLayersWithAndWithoutTheNorm) {
  const Golden golden("clip_text", ClipTextHead::none);
  const ClipText encoder = golden.open();
  const auto hidden = [&](std::int64_t skipped, bool norm) {
    return encoder(
               {.ids = golden.numbers["token_ids"], .skipped_layers = skipped, .final_norm = norm})
        .hidden;
  };
  EXPECT_LT(relative_error(hidden(1, false), golden.numbers["hidden_states.1"]), kError);
  EXPECT_LT(relative_error(hidden(2, false), golden.numbers["hidden_states.2"]), kError);
  EXPECT_LT(relative_error(hidden(1, true), golden.numbers["clip_skip.1"]), kError);
}

// Old configs say 2 for the id that ends a text; the highest id is meant then.
TEST(ClipText, ProjectsTheEndOfTheTextWhereTheHighestIdIs) {
  const Golden golden("clip_text_projection", ClipTextHead::projection);
  EXPECT_EQ(golden.config.eos_id, 2);
  EXPECT_EQ(golden.config.activation, nn::Activation::gelu);
  const ClipText::Output output =
      golden.open()({.ids = golden.numbers["token_ids"], .skipped_layers = 1, .final_norm = false});
  EXPECT_LT(relative_error(output.hidden, golden.numbers["hidden_states.1"]), kError);
  EXPECT_LT(relative_error(output.pooled, golden.numbers["text_embeds.highest_id"]), kError);
}

// The first place of the id that the config names, and the first token of a text without it.
TEST(ClipText, ProjectsTheEndOfTheTextThatItsConfigNames) {
  Golden golden("clip_text_projection", ClipTextHead::projection);
  golden.config.eos_id = 7;
  const ClipText::Output output = golden.open()({.ids = golden.numbers["token_ids"]});
  EXPECT_LT(relative_error(output.pooled, golden.numbers["text_embeds.eos_7"]), kError);
}

TEST(ClipText, TakesTextsThatAreShorterThanItsPositions) {
  const Golden golden("clip_text", ClipTextHead::none);
  const ClipText encoder = golden.open();
  const at::Tensor ids = golden.numbers["token_ids"];
  const at::Tensor brief = encoder({.ids = ids.narrow(1, 0, 5)}).hidden;
  EXPECT_LT(relative_error(brief, golden.numbers["last_hidden_state"].narrow(1, 0, 5)), kError)
      << "a causal encoder does not see what follows";
}

TEST(ClipText, DoesNotTakeTheProjectionOfAFileThatHasItWithoutUse) {
  const Golden golden("clip_text_projection", ClipTextHead::none);
  EXPECT_EQ(golden.config.projected_features, 0);
  EXPECT_FALSE(golden.open()({.ids = golden.numbers["token_ids"]}).pooled.defined());
}

TEST(ClipTextConfig, RefusesByNameWhatItDoesNotHave) {
  const auto why = [](const Json& json) {
    return test::refused([&] {
      ComponentConfig file(json, "text_encoder/config.json");
      parse_clip_text_config(file, ClipTextHead::projection);
    });
  };
  EXPECT_EQ(why({{"use_attention_mask", true}}).code, ErrorCode::unsupported_model);
  EXPECT_EQ(why({{"use_attention_mask", true}}).param, "use_attention_mask");
  EXPECT_EQ(why({{"hidden_act", "relu"}}).param, "hidden_act");
  EXPECT_EQ(why({{"rope_theta", 1e4}}).param, "rope_theta");
  EXPECT_EQ(why({{"num_attention_heads", 7}}).code, ErrorCode::invalid_model);
  EXPECT_EQ(why({{"layer_norm_eps", 0}}).param, "layer_norm_eps");
  EXPECT_EQ(why({{"projection_dim", 0}}).param, "projection_dim");
}

}  // namespace
}  // namespace bafa::model
