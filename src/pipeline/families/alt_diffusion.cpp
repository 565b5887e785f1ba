#include "pipeline/families/alt_diffusion.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/lt.h>
#include <ATen/ops/tensor.h>

#include <memory>
#include <string>
#include <utility>

#include "bafa/error.h"
#include "base/component_config.h"
#include "model/xlm_roberta.h"
#include "text/tokenizer.h"
#include "weights/checkpoint.h"

namespace bafa::pipeline {
namespace {

class XlmRobertaConditioner final : public Conditioner {
 public:
  XlmRobertaConditioner(std::unique_ptr<text::Tokenizer> tokenizer, model::XlmRoberta encoder,
                        at::Device device)
      : tokenizer_(std::move(tokenizer)), encoder_(std::move(encoder)), device_(device) {}

  int max_tokens() const override { return tokenizer_->max_length(); }

  EncodedPrompt encode(const std::string& prompt) const override {
    text::Tokens tokens = tokenizer_->encode(prompt);
    EncodedPrompt encoded{.token_ids = std::move(tokens.ids),
                          .tokens = 0,
                          .truncated = tokens.truncated,
                          .embeds = {}};
    encoded.tokens = static_cast<int>(encoded.token_ids.size());
    encoded.token_ids.resize(static_cast<std::size_t>(max_tokens()), tokenizer_->pad_id());
    const at::Tensor ids = at::tensor(encoded.token_ids, at::TensorOptions(at::kLong));
    const at::Tensor mask = at::lt(at::arange(max_tokens()), encoded.tokens);
    encoded.embeds =
        encoder_(ids.unsqueeze(0).to(device_), mask.unsqueeze(0).to(device_)).squeeze(0);
    return encoded;
  }

 private:
  std::unique_ptr<text::Tokenizer> tokenizer_;
  model::XlmRoberta encoder_;
  at::Device device_;
};

// The tables of the encoder must have a row for everything that the tokenizer can give.
void check_fit(const ComponentConfig& json, const model::XlmRobertaConfig& config,
               const text::Tokenizer& tokenizer, std::int64_t text_features) {
  if (config.vocabulary_size < tokenizer.vocabulary_size())
    json.refuse_invalid("vocab_size", "is below the tokenizer's " +
                                          std::to_string(tokenizer.vocabulary_size()) + " ids");
  if (config.max_tokens() < tokenizer.max_length())
    json.refuse_invalid("max_position_embeddings",
                        "leaves no room for the tokenizer's model_max_length of " +
                            std::to_string(tokenizer.max_length()) + " tokens");
  if (config.pad_id != tokenizer.pad_id())
    json.refuse_invalid("pad_token_id",
                        "is not the tokenizer's " + std::to_string(tokenizer.pad_id()));
  if (config.text_features != text_features)
    json.refuse_invalid("project_dim", "is " + std::to_string(config.text_features) +
                                           " where the unet's cross_attention_dim is " +
                                           std::to_string(text_features));
}

std::unique_ptr<Conditioner> load_conditioner(const ModelIndex& index, const LoadTarget& target,
                                              std::int64_t text_features) {
  auto tokenizer =
      text::load_tokenizer(index.folder / "tokenizer", index.at("tokenizer").class_name);
  const std::filesystem::path folder = index.folder / "text_encoder";
  ComponentConfig json(folder / "config.json");
  const model::XlmRobertaConfig config = model::parse_xlm_roberta_config(json);
  check_fit(json, config, *tokenizer, text_features);
  weights::WeightMap map(weights::Checkpoint(folder, "model"),
                         {.dtype = target.dtype,
                          .device = target.device,
                          .ignored = model::xlm_roberta_unused(config)});
  model::XlmRoberta encoder(config, map.root());
  map.finish();
  return std::make_unique<XlmRobertaConditioner>(std::move(tokenizer), std::move(encoder),
                                                 target.device);
}

}  // namespace

Parts load_alt_diffusion(const ModelIndex& index, const LoadTarget& target) {
  Parts parts;
  parts.sampler = load_sampler(index);
  LoadedUNet unet = load_unet(index, target);
  parts.denoiser = std::move(unet.denoiser);
  parts.decoder = load_autoencoder_kl(index, target, parts.denoiser->latent_channels());
  parts.conditioner = load_conditioner(index, target, unet.text_features);
  parts.native_side = static_cast<int>(unet.sample_size) * parts.decoder->scale();
  return parts;
}

}  // namespace bafa::pipeline
