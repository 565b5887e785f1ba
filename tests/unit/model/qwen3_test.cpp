#include "model/qwen3.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "support/refused.h"

namespace bafa::model {
namespace {

Qwen3Config parse(Json json) {
  ComponentConfig config(std::move(json), "text_encoder/config.json");
  return parse_qwen3_config(config);
}

TEST(Qwen3Config, ReadsBothSpellingsOfTheAngles) {
  EXPECT_EQ(parse({{"rope_theta", 5e6}, {"rope_scaling", nullptr}}).rope_theta, 5e6);
  const Json five = {{"rope_parameters", {{"rope_theta", 1e6}, {"rope_type", "default"}}}};
  EXPECT_EQ(parse(five).rope_theta, 1e6);
  EXPECT_EQ(parse(Json::object()).rope_theta, 10000);
}

TEST(Qwen3Config, GivesEveryQueryItsOwnKeyWhereTheirNumberIsNull) {
  EXPECT_EQ(parse({{"num_attention_heads", 8}, {"num_key_value_heads", nullptr}}).key_heads, 8);
  EXPECT_EQ(parse({{"num_attention_heads", 64}}).key_heads, 32);
}

TEST(Qwen3Config, RefusesFeaturesThatItLacksByName) {
  for (const auto& [key, value] : {std::pair<std::string, Json>{"attention_bias", true},
                                   {"use_sliding_window", true},
                                   {"hidden_act", "gelu"},
                                   {"rope_scaling", {{"type", "yarn"}}},
                                   {"unheard_of", 1},
                                   {"layer_types", {"sliding_attention"}}}) {
    const test::Refused refused = test::refused([&] { parse({{key, value}}); });
    EXPECT_EQ(refused.code, ErrorCode::unsupported_model) << key;
    EXPECT_EQ(refused.param, key);
  }
  EXPECT_EQ(test::refused([] { parse({{"num_key_value_heads", 5}}); }).param,
            "num_key_value_heads");
  EXPECT_EQ(test::refused([] { parse({{"head_dim", 7}}); }).param, "head_dim");
}

}  // namespace
}  // namespace bafa::model
