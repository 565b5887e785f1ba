// What a model folder must be to be loaded, and what is said of one that is not.
#include "pipeline/load.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "memory/ledger.h"
#include "support/golden.h"
#include "support/refused.h"
#include "support/temporary_folder.h"

namespace bafa::pipeline {
namespace {

namespace fs = std::filesystem;
using test::Refused;
using test::refused;

// A copy of the tiny checkpoint that a test may damage.
class ModelFolder : public testing::Test {
 protected:
  ModelFolder() { fs::copy(test::kGoldenData / "alt_diffusion", path_, kWithFolders); }

  // Changes one key of a JSON file of the folder.
  void set(const std::string& file, const std::string& key, const nlohmann::json& value) {
    nlohmann::json json = nlohmann::json::parse(std::ifstream(path_ / file));
    json[key] = value;
    std::ofstream(path_ / file) << json;
  }

  Refused loading(LoadOptions options = {}) {
    options.path = path_;
    return refused([&] { load(options); });
  }

  static constexpr auto kWithFolders = fs::copy_options::recursive;
  test::TemporaryFolder folder_;
  fs::path path_ = folder_.path() / "model";
};

TEST_F(ModelFolder, IsDescribedFromItsHeaders) {
  const ModelDescription model = describe(path_);
  EXPECT_EQ(model.name, "tiny-alt");
  EXPECT_EQ(model.family, "AltDiffusionPipeline");
  EXPECT_EQ(model.refusal, "");
  const auto unet = std::find_if(model.components.begin(), model.components.end(),
                                 [](const auto& part) { return part.name == "unet"; });
  ASSERT_NE(unet, model.components.end());
  EXPECT_EQ(unet->class_name, "UNet2DConditionModel");
  EXPECT_GT(unet->tensors, 100u);
  EXPECT_GT(unet->parameters, 1000u);
}

TEST_F(ModelFolder, MayLackTheFoldersOfComponentsThatAreNotRun) {
  set("model_index.json", "safety_checker", {"stable_diffusion", "StableDiffusionSafetyChecker"});
  const ModelDescription model = describe(path_);
  EXPECT_EQ(model.refusal, "");
  for (const ComponentDescription& part : model.components)
    EXPECT_EQ(part.is_run, part.name != "safety_checker") << part.name;
  fs::remove_all(path_ / "vae");
  EXPECT_EQ(refused([&] { describe(path_); }).code, ErrorCode::invalid_model);
}

TEST_F(ModelFolder, WithoutAModelIndexIsNoModel) {
  fs::remove(path_ / "model_index.json");
  EXPECT_NE(loading().message.find("no model_index.json; name the folder"), std::string::npos);
}

TEST_F(ModelFolder, WithoutAFileIsRefusedByItsNameAndWithTheCure) {
  for (const std::string file : {"unet/config.json", "vae/config.json", "text_encoder/config.json",
                                 "scheduler/scheduler_config.json"}) {
    fs::rename(path_ / file, path_ / "gone");
    const Refused why = loading();
    fs::rename(path_ / "gone", path_ / file);
    EXPECT_EQ(why.code, ErrorCode::invalid_model) << file;
    EXPECT_NE(why.message.find(file + ": this file is missing; fetch"), std::string::npos) << file;
  }
  fs::remove(path_ / "unet/diffusion_pytorch_model.safetensors");
  EXPECT_NE(loading().message.find("here; fetch the checkpoint again"), std::string::npos);
}

// As scripts/parity_unets writes it.
TEST_F(ModelFolder, MayNameDiffusersAsItsTextEncodersLibrary) {
  set("model_index.json", "text_encoder", {"diffusers", "RobertaSeriesModelWithTransformation"});
  EXPECT_EQ(describe(path_).refusal, "");
  EXPECT_NE(load({.path = path_, .dtype = "fp32"}), nullptr);
}

TEST_F(ModelFolder, OfAnUnknownFamilyIsRefusedByItsClass) {
  set("model_index.json", "_class_name", "FluxPipeline");
  const Refused why = loading();
  EXPECT_EQ(why.code, ErrorCode::unsupported_model);
  EXPECT_NE(why.message.find("FluxPipeline"), std::string::npos);
  EXPECT_NE(describe(path_).refusal.find("FluxPipeline"), std::string::npos);
}

TEST_F(ModelFolder, WithAConfigThatBafaLacksIsRefusedByItsKey) {
  set("unet/config.json", "class_embed_type", "timestep");
  const Refused why = loading();
  EXPECT_EQ(why.code, ErrorCode::unsupported_model);
  EXPECT_NE(why.message.find("class_embed_type"), std::string::npos);
}

TEST_F(ModelFolder, WhoseNetworkNeedsWhatItsFamilyLacksIsRefusedByItsKey) {
  set("unet/config.json", "addition_embed_type", "text_time");
  set("unet/config.json", "addition_time_embed_dim", 8);
  set("unet/config.json", "projection_class_embeddings_input_dim", 68);
  EXPECT_EQ(loading().param, "addition_embed_type");
}

TEST_F(ModelFolder, WithASamplerOptionThatBafaLacksIsRefusedByItsKey) {
  set("scheduler/scheduler_config.json", "use_karras_sigmas", true);
  const Refused why = loading();
  EXPECT_EQ(why.code, ErrorCode::unsupported_model);
  EXPECT_NE(why.message.find("use_karras_sigmas"), std::string::npos);
}

TEST_F(ModelFolder, WhoseWeightsDoNotFitItsConfigIsRefusedByTheirNames) {
  set("vae/config.json", "layers_per_block", 2);
  const auto ledger = std::make_shared<memory::Ledger>(memory::Ledger::kNoLimit);
  const Refused why = loading({.ledger = ledger});
  EXPECT_EQ(why.code, ErrorCode::invalid_model);
  EXPECT_NE(why.message.find("decoder.up_blocks"), std::string::npos);
  EXPECT_NE(why.message.find("take both from one checkpoint"), std::string::npos);
  EXPECT_EQ(ledger->usage().peak_bytes, 0u);  // the networks before it were not loaded
}

TEST_F(ModelFolder, WithTruncatedWeightsIsRefused) {
  const fs::path weights = path_ / "unet/diffusion_pytorch_model.safetensors";
  fs::resize_file(weights, fs::file_size(weights) - 1);
  const Refused why = loading();
  EXPECT_EQ(why.code, ErrorCode::invalid_model);
  EXPECT_NE(why.message.find(weights.string()), std::string::npos);
  EXPECT_NE(why.message.find("fetch it again"), std::string::npos);
}

TEST_F(ModelFolder, WithPickledWeightsIsRefusedWithTheReason) {
  fs::rename(path_ / "unet/diffusion_pytorch_model.safetensors",
             path_ / "unet/diffusion_pytorch_model.bin");
  const Refused why = loading();
  EXPECT_EQ(why.code, ErrorCode::invalid_model);
  EXPECT_NE(why.message.find("pickle"), std::string::npos);
}

TEST_F(ModelFolder, WithADamagedTokenizerIsRefused) {
  const fs::path pieces = path_ / "tokenizer/sentencepiece.bpe.model";
  fs::resize_file(pieces, fs::file_size(pieces) / 2);
  EXPECT_EQ(loading().code, ErrorCode::invalid_model);
}

TEST_F(ModelFolder, WithDefaultsBeyondTheOperatorsLimitsIsRefused) {
  LoadOptions options;
  options.limits.max_steps = 4;
  EXPECT_EQ(loading(options).code, ErrorCode::invalid_config);
}

TEST_F(ModelFolder, RunsOnKnownDevicesAndTypesOnly) {
  EXPECT_EQ(loading({.device = "tpu"}).param, "model.device");
  EXPECT_EQ(loading({.dtype = "int8"}).param, "model.dtype");
  EXPECT_NE(loading({.dtype = "fp16"}).message.find("bf16"), std::string::npos);
}

}  // namespace
}  // namespace bafa::pipeline
