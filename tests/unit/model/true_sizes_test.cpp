// The networks at the sizes that people have: from the published configs, each must ask for exactly
// the tensors that the reference library's class has, by name and shape. Nothing is loaded: the
// weights are holes in a sparse file.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "model/autoencoder_kl.h"
#include "model/autoencoder_tiny.h"
#include "model/clip_text.h"
#include "model/qwen3.h"
#include "model/unet.h"
#include "model/xlm_roberta.h"
#include "model/z_image_transformer.h"
#include "support/golden.h"
#include "support/header_only.h"
#include "support/published_tensors.h"
#include "support/temporary_folder.h"
#include "weights/weight_map.h"

namespace bafa::model {
namespace {

const std::filesystem::path kTrueSizes = test::kGoldenData / "true_sizes";

// A tensor a line: its name and "320x4x3x3".
test::TensorList read_list(const std::filesystem::path& file) {
  test::TensorList tensors;
  std::ifstream lines(file);
  std::string name, sides;
  while (lines >> name >> sides) {
    test::Shape shape;
    std::istringstream parts(sides);
    for (std::string side; std::getline(parts, side, 'x');) shape.push_back(std::stoll(side));
    tensors.add(name, std::move(shape));
  }
  return tensors;
}

struct Case {
  std::string name;
  std::size_t tensors;  // encoders of autoencoders included
  std::function<void(ComponentConfig& json, const std::filesystem::path& file)> build;
};

weights::WeightOptions unread(std::vector<std::string> ignored = {}) {
  return {.device = at::kMeta, .ignored = std::move(ignored)};
}

void build_unet(ComponentConfig& json, const std::filesystem::path& file) {
  weights::WeightMap map(weights::Checkpoint(file), unread());
  const UNet unet(parse_unet_config(json), map.root());
  map.finish();
}

void build_autoencoder_kl(ComponentConfig& json, const std::filesystem::path& file) {
  weights::WeightMap map(weights::Checkpoint(file), unread(autoencoder_kl_unused()));
  const AutoencoderKlDecoder decoder(parse_autoencoder_kl_config(json), map.root());
  map.finish();
}

void build_autoencoder_tiny(ComponentConfig& json, const std::filesystem::path& file) {
  weights::WeightMap map(weights::Checkpoint(file), unread(autoencoder_tiny_unused()));
  const AutoencoderTinyDecoder decoder(parse_autoencoder_tiny_config(json), map.root());
  map.finish();
}

template <ClipTextHead kHead>
void build_clip_text(ComponentConfig& json, const std::filesystem::path& file) {
  const ClipTextConfig config = parse_clip_text_config(json, kHead);
  weights::WeightOptions options = unread();
  options.rename = clip_text_name;
  weights::WeightMap map(weights::Checkpoint(file), options);
  const ClipText encoder(config, map.root());
  map.finish();
}

void build_xlm_roberta(ComponentConfig& json, const std::filesystem::path& file) {
  const XlmRobertaConfig config = parse_xlm_roberta_config(json);
  weights::WeightMap map(weights::Checkpoint(file), unread(xlm_roberta_unused(config)));
  const XlmRoberta encoder(config, map.root());
  map.finish();
}

class TrueSizes : public testing::TestWithParam<Case> {};

TEST_P(TrueSizes, AskForTheTensorsOfTheReferenceAndNoOthers) {
  const Case& network = GetParam();
  const test::TemporaryFolder folder;
  const std::filesystem::path holes = folder.path() / "weights.safetensors";
  const test::TensorList tensors = read_list(kTrueSizes / (network.name + ".txt"));
  EXPECT_EQ(tensors.all().size(), network.tensors);
  test::write_header_only(holes, tensors, {.dtype = "F16", .bytes = 2});
  ComponentConfig json(kTrueSizes / (network.name + ".json"));
  EXPECT_NO_THROW(network.build(json, holes));
}

INSTANTIATE_TEST_SUITE_P(
    All, TrueSizes,
    testing::Values(Case{"unet_sd_15", 686, build_unet}, Case{"unet_sd_2", 686, build_unet},
                    Case{"unet_sdxl", 1680, build_unet}, Case{"unet_lcm", 687, build_unet},
                    Case{"vae_sd", 248, build_autoencoder_kl},
                    Case{"vae_16_channels", 244, build_autoencoder_kl},
                    Case{"vae_tiny", 134, build_autoencoder_tiny},
                    Case{"clip_l", 196, build_clip_text<ClipTextHead::none>},
                    Case{"clip_h", 372, build_clip_text<ClipTextHead::none>},
                    Case{"clip_big_g", 517, build_clip_text<ClipTextHead::projection>},
                    Case{"xlm_roberta", 393, build_xlm_roberta}),
    [](const auto& test) { return test.param.name; });

// Those of which the lists are made by rule.
TEST(TrueSizesOfZImage, AskForThe521TensorsOfTheTransformerAndNoOthers) {
  const test::TemporaryFolder folder;
  const std::filesystem::path holes = folder.path() / "weights.safetensors";
  const test::TensorList tensors = test::z_image_tensors();
  EXPECT_EQ(tensors.all().size(), 521u);
  test::write_header_only(holes, tensors, {.dtype = "F32", .bytes = 4});
  ComponentConfig json({{"axes_lens", {1536, 512, 512}}, {"n_layers", 30}}, "config.json");
  weights::WeightMap map(weights::Checkpoint(holes), unread());
  const ZImageTransformer network(parse_z_image_config(json), map.root());
  EXPECT_NO_THROW(map.finish());
}

TEST(TrueSizesOfZImage, ReadAllOfThe398TensorsOfTheEncoderButTheLastLayersAndTheNorms) {
  const test::TemporaryFolder folder;
  const std::filesystem::path holes = folder.path() / "weights.safetensors";
  const test::TensorList tensors = test::qwen3_tensors();
  EXPECT_EQ(tensors.all().size(), 398u);
  test::write_header_only(holes, tensors, {.dtype = "BF16", .bytes = 2});
  ComponentConfig json({{"hidden_size", 2560},
                        {"intermediate_size", 9728},
                        {"num_hidden_layers", 36},
                        {"num_key_value_heads", 8},
                        {"rope_theta", 1e6}},
                       "config.json");
  const Qwen3Config config = parse_qwen3_config(json);
  weights::WeightMap map(weights::Checkpoint(holes), {.dtype = at::kBFloat16,
                                                      .device = at::kMeta,
                                                      .ignored = qwen3_unused(config),
                                                      .rename = qwen3_name});
  const Qwen3 network(config, map.root());
  EXPECT_NO_THROW(map.finish());
  std::uint64_t read = 0;
  for (const auto& [name, shape] : tensors.all()) {
    if (name.starts_with("model.layers.35.") || name == "model.norm.weight") continue;
    // Norms are kept in fp32.
    std::uint64_t bytes = name.find("norm") != std::string::npos ? 4 : 2;
    for (const std::int64_t side : shape) bytes *= static_cast<std::uint64_t>(side);
    read += bytes;
  }
  EXPECT_EQ(map.loaded_bytes(), read);
}

}  // namespace
}  // namespace bafa::model
