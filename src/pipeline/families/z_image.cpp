#include "pipeline/families/z_image.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/component_config.h"
#include "model/qwen3.h"
#include "model/z_image_transformer.h"
#include "pipeline/families/decoders.h"
#include "pipeline/families/tokens.h"
#include "text/qwen2_tokenizer.h"
#include "weights/checkpoint.h"

namespace bafa::pipeline {
namespace {

constexpr int kNativeSide = 1024;  // the reference's default
constexpr float kTrainTimesteps = 1000;

class Qwen3Conditioner final : public Conditioner {
 public:
  Qwen3Conditioner(std::unique_ptr<text::Tokenizer> tokenizer, model::Qwen3 encoder,
                   at::Device device)
      : tokenizer_(std::move(tokenizer)), encoder_(std::move(encoder)), device_(device) {}

  int max_tokens() const override { return tokenizer_->max_length(); }

  // The features of the prompt's own tokens only. An absent prompt is an empty one.
  EncodedPrompt encode(const std::optional<std::string>& prompt) const override {
    EncodedPrompt encoded = tokenize(*tokenizer_, prompt.value_or(""));
    const at::Tensor ids = at::tensor(encoded.token_ids, at::TensorOptions(at::kLong));
    encoded.embeds = encoder_(ids.narrow(0, 0, encoded.tokens).unsqueeze(0).to(device_)).squeeze(0);
    return encoded;
  }

 private:
  std::unique_ptr<text::Tokenizer> tokenizer_;
  model::Qwen3 encoder_;
  at::Device device_;
};

class ZImageDenoiser final : public Denoiser {
 public:
  ZImageDenoiser(const model::ZImageConfig& config, const weights::WeightScope& scope)
      : network_(config, scope), element_bytes_(c10::elementSize(scope.dtype())) {}

  std::int64_t latent_channels() const override { return network_.config().latent_channels; }

  int patch() const override { return static_cast<int>(model::kZImagePatch); }

  PreparedText prepare(const EncodedPrompt& prompt) const override {
    return {{network_.prepare(prompt.embeds)}};
  }

  // Prompts of one padded length run together; the others apart, so that no picture depends on
  // what else is painted and nothing is masked.
  at::Tensor predict(const DenoiserInput& input) const override {
    std::map<std::int64_t, std::vector<std::int64_t>> by_length;
    for (std::size_t i = 0; i < input.texts.size(); ++i)
      by_length[input.texts[i]->tensors.front().size(1)].push_back(static_cast<std::int64_t>(i));
    std::vector<at::Tensor> outputs(input.texts.size());
    for (const auto& [length, images] : by_length) {
      const std::vector<at::Tensor> together = predict_together(input, images).split(1);
      for (std::size_t i = 0; i < images.size(); ++i)
        outputs[static_cast<std::size_t>(images[i])] = together[i];
    }
    return at::cat(outputs);
  }

  // The feed-forward's gates, values and product, and the tokens before and after it.
  std::uint64_t workspace_bytes(std::int64_t height, std::int64_t width) const override {
    const model::ZImageConfig& config = network_.config();
    const std::int64_t image = height * width / (model::kZImagePatch * model::kZImagePatch);
    const std::int64_t tokens =
        model::z_image_padded(image) + model::z_image_padded(text::Qwen2Tokenizer::kMaxLength);
    const std::int64_t features =
        std::max(8 * config.features, 3 * (config.features + config.feed_forward_features()));
    return static_cast<std::uint64_t>(tokens * features) * element_bytes_;
  }

 private:
  // The network is told how clean the latents are and points to the picture; the sampler counts
  // noise, and wants the way to it.
  at::Tensor predict_together(const DenoiserInput& input,
                              const std::vector<std::int64_t>& images) const {
    const at::Tensor chosen =
        at::tensor(images, at::TensorOptions(at::kLong)).to(input.latents.device());
    std::vector<at::Tensor> captions;
    for (const std::int64_t image : images)
      captions.push_back(input.texts[static_cast<std::size_t>(image)]->tensors.front());
    const at::Tensor timesteps = input.timesteps.index_select(0, chosen);
    return -network_({.latents = input.latents.index_select(0, chosen),
                      .times = (kTrainTimesteps - timesteps) / kTrainTimesteps,
                      .captions = at::cat(captions)});
  }

  model::ZImageTransformer network_;
  std::uint64_t element_bytes_;
};

std::unique_ptr<Conditioner> load_conditioner(const ModelIndex& index, const LoadTarget& target,
                                              std::int64_t text_features) {
  auto tokenizer = text::load_tokenizer(index.folder / "tokenizer",
                                        index.at("tokenizer").class_name, target.tokenizer);
  const std::filesystem::path folder = index.folder / "text_encoder";
  ComponentConfig json(folder / "config.json");
  const model::Qwen3Config config = model::parse_qwen3_config(json);
  check_tokens_fit(json,
                   {.vocabulary_size = config.vocabulary_size, .max_tokens = config.positions},
                   *tokenizer);
  if (config.features != text_features)
    json.refuse_invalid("hidden_size", "gives " + std::to_string(config.features) +
                                           " features where the transformer's cap_feat_dim is " +
                                           std::to_string(text_features));
  weights::WeightMap map(weights::Checkpoint(folder, "model"),
                         {.dtype = target.dtype,
                          .device = target.devices.encoder,
                          .ignored = model::qwen3_unused(config),
                          .rename = model::qwen3_name,
                          .component = target.component("text_encoder")});
  model::Qwen3 encoder(config, map.root());
  map.finish();
  return std::make_unique<Qwen3Conditioner>(std::move(tokenizer), std::move(encoder),
                                            target.devices.encoder);
}

// Every prompt that the tokenizer lets through must have positions, and the picture behind it.
void check_positions(const ComponentConfig& json, const model::ZImageConfig& config,
                     const Conditioner& conditioner) {
  const std::int64_t longest = model::z_image_padded(conditioner.max_tokens());
  if (longest + 1 < config.axis_positions[0]) return;
  json.refuse_invalid("axes_lens", "has " + std::to_string(config.axis_positions[0]) +
                                       " positions for a prompt of up to " +
                                       std::to_string(longest) + " tokens; it must be above " +
                                       std::to_string(longest + 1));
}

}  // namespace

Parts load_z_image(const ModelIndex& index, const LoadTarget& target) {
  Parts parts;
  const std::filesystem::path folder = index.folder / "transformer";
  ComponentConfig json(folder / "config.json");
  const model::ZImageConfig config = model::parse_z_image_config(json);
  parts.conditioner = load_conditioner(index, target, config.text_features);
  check_positions(json, config, *parts.conditioner);
  weights::WeightMap map(weights::Checkpoint(folder, "diffusion_pytorch_model"),
                         {.dtype = target.dtype,
                          .device = target.devices.denoiser,
                          .component = target.component("transformer")});
  parts.denoiser = std::make_unique<ZImageDenoiser>(config, map.root());
  map.finish();
  parts.decoder = load_decoder(index, target, {.latent_channels = config.latent_channels});
  const int multiple = parts.decoder->scale() * parts.denoiser->patch();
  parts.max_height = static_cast<int>(config.axis_positions[1]) * multiple;
  parts.max_width = static_cast<int>(config.axis_positions[2]) * multiple;
  parts.native_side = std::min({kNativeSide, parts.max_width, parts.max_height});
  parts.guidance = Guidance::beyond_prompt;
  parts.fits_preview = true;
  return parts;
}

}  // namespace bafa::pipeline
