#include "pipeline/families/alt_diffusion.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/lt.h>
#include <ATen/ops/tensor.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/component_config.h"
#include "model/xlm_roberta.h"
#include "pipeline/families/decoders.h"
#include "pipeline/families/tokens.h"
#include "pipeline/families/unet_diffusion.h"
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

  EncodedPrompt encode(const std::optional<std::string>& prompt) const override {
    EncodedPrompt encoded = tokenize(*tokenizer_, prompt.value_or(""));
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

std::unique_ptr<Conditioner> load_conditioner(const ModelIndex& index, const LoadTarget& target,
                                              std::int64_t text_features) {
  auto tokenizer = text::load_tokenizer(index.folder / "tokenizer",
                                        index.at("tokenizer").class_name, target.tokenizer);
  const std::filesystem::path folder = index.folder / "text_encoder";
  ComponentConfig json(folder / "config.json");
  const model::XlmRobertaConfig config = model::parse_xlm_roberta_config(json);
  check_tokens_fit(json,
                   {.vocabulary_size = config.vocabulary_size, .max_tokens = config.max_tokens()},
                   *tokenizer);
  if (config.pad_id != tokenizer->pad_id())
    json.refuse_invalid("pad_token_id",
                        "is not the tokenizer's " + std::to_string(tokenizer->pad_id()));
  check_width_fits(json, "project_dim",
                   {.features = config.text_features, .unet_features = text_features});
  weights::WeightMap map(weights::Checkpoint(folder, "model"),
                         {.dtype = target.dtype,
                          .device = target.devices.encoder,
                          .ignored = model::xlm_roberta_unused(config),
                          .component = target.component("text_encoder")});
  model::XlmRoberta encoder(config, map.root());
  map.finish();
  return std::make_unique<XlmRobertaConditioner>(std::move(tokenizer), std::move(encoder),
                                                 target.devices.encoder);
}

}  // namespace

Parts load_alt_diffusion(const ModelIndex& index, const LoadTarget& target) {
  Parts parts;
  LoadedUNet unet = load_unet(index, target, {});
  parts.denoiser = std::move(unet.denoiser);
  parts.decoder = load_decoder(index, target,
                               {.latent_channels = parts.denoiser->latent_channels(),
                                .unscaling = Unscaling::scaling_factor_only});
  parts.conditioner = load_conditioner(index, target, unet.config.text_features);
  parts.native_side = static_cast<int>(unet.config.sample_size) * parts.decoder->scale();
  // The reference has no pipeline that runs flow matching here; those that do draw in fp32.
  const bool flow = index.at("scheduler").class_name == "FlowMatchEulerDiscreteScheduler";
  parts.noise_dtype = flow ? at::kFloat : target.dtype;
  return parts;
}

}  // namespace bafa::pipeline
