#include "model/xlm_roberta.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include "support/golden.h"
#include "support/layer_weights.h"
#include "support/refused.h"

namespace bafa::model {
namespace {

using test::kGoldenData;

// The head of the later AltDiffusion models: it reads the layer before the last. The ids have a pad
// in the middle of a sentence, which moves the positions of what follows.
TEST(XlmRoberta, EqualsTheReferenceWithThePreTransformation) {
  const c10::InferenceMode inference;
  const test::GoldenFile golden(kGoldenData / "text_encoder_pre" / "golden.safetensors");
  ComponentConfig file(kGoldenData / "text_encoder_pre" / "config.json");
  const XlmRobertaConfig config = parse_xlm_roberta_config(file);
  EXPECT_TRUE(config.has_pre_transformation);
  weights::WeightMap map(weights::Checkpoint(kGoldenData / "text_encoder_pre", "model"),
                         {.ignored = xlm_roberta_unused(config)});
  const XlmRoberta encoder(config, map.root());
  map.finish();
  const at::Tensor embeds = encoder(golden["token_ids"], golden["attention_mask"].to(at::kBool));
  EXPECT_LT(test::relative_error(embeds, golden["embeds"]), 1e-5);
}

TEST(XlmRoberta, RefusesWhatItDoesNotHaveByName) {
  ComponentConfig file(Json{{"position_embedding_type", "relative_key"}}, "config.json");
  const test::Refused why = test::refused([&] { parse_xlm_roberta_config(file); });
  EXPECT_EQ(why.code, ErrorCode::unsupported_model);
  EXPECT_NE(why.message.find("position_embedding_type"), std::string::npos);
}

}  // namespace
}  // namespace bafa::model
