#include "pipeline/families/clip_conditioner.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/component_config.h"
#include "pipeline/families/tokens.h"
#include "weights/checkpoint.h"

namespace bafa::pipeline {

ClipTextPart load_clip_text(const ModelIndex& index, const LoadTarget& target,
                            const std::string& suffix, model::ClipTextHead head) {
  const std::string tokenizer_name = "tokenizer" + suffix;
  auto tokenizer = text::load_tokenizer(index.folder / tokenizer_name,
                                        index.at(tokenizer_name).class_name, target.tokenizer);
  const std::filesystem::path folder = index.folder / ("text_encoder" + suffix);
  ComponentConfig json(folder / "config.json");
  const model::ClipTextConfig config = model::parse_clip_text_config(json, head);
  check_tokens_fit(json,
                   {.vocabulary_size = config.vocabulary_size, .max_tokens = config.positions},
                   *tokenizer);
  weights::WeightMap map(weights::Checkpoint(folder, "model"),
                         {.dtype = target.dtype,
                          .device = target.devices.encoder,
                          .ignored = model::clip_text_unused(config),
                          .rename = model::clip_text_name,
                          .component = target.component("text_encoder" + suffix)});
  model::ClipText encoder(config, map.root());
  map.finish();
  return {std::move(tokenizer), std::move(encoder)};
}

ClipConditioner::ClipConditioner(std::vector<ClipTextPart> parts,
                                 const ClipConditionerOptions& options)
    : parts_(std::move(parts)), options_(options) {
  CHECK(parts_.size() == 1 || parts_.size() == 2);
  CHECK(parts_.front().tokenizer->max_length() == parts_.back().tokenizer->max_length());
}

int ClipConditioner::max_tokens() const { return parts_.front().tokenizer->max_length(); }

std::int64_t ClipConditioner::text_features() const {
  std::int64_t sum = 0;
  for (const ClipTextPart& part : parts_) sum += part.encoder.config().features;
  return sum;
}

std::int64_t ClipConditioner::pooled_features() const {
  return parts_.back().encoder.config().projected_features;
}

EncodedPrompt ClipConditioner::zeros() const {
  const at::TensorOptions kind =
      at::TensorOptions(options_.target.devices.encoder).dtype(options_.target.dtype);
  EncodedPrompt encoded;
  encoded.embeds = at::zeros({max_tokens(), text_features()}, kind);
  if (pooled_features() > 0) encoded.pooled = at::zeros({pooled_features()}, kind);
  return encoded;
}

int ClipConditioner::max_clip_skip() const {
  std::int64_t layers = parts_.front().encoder.config().layers;
  for (const ClipTextPart& part : parts_) layers = std::min(layers, part.encoder.config().layers);
  return static_cast<int>(layers - 1 - options_.skipped_layers);
}

EncodedPrompt ClipConditioner::encode_skipping(const std::optional<std::string>& prompt,
                                               int layers) const {
  if (!prompt && options_.zeros_for_absent_prompt) return zeros();
  EncodedPrompt encoded;
  std::vector<at::Tensor> embeds;
  for (const ClipTextPart& part : parts_) {
    EncodedPrompt tokenized = tokenize(*part.tokenizer, prompt.value_or(""));
    const at::Tensor ids = at::tensor(tokenized.token_ids, at::TensorOptions(at::kLong));
    const model::ClipText::Output output =
        part.encoder({.ids = ids.unsqueeze(0).to(options_.target.devices.encoder),
                      .skipped_layers = options_.skipped_layers + layers,
                      .final_norm = options_.final_norm});
    embeds.push_back(output.hidden.squeeze(0));
    if (output.pooled.defined()) encoded.pooled = output.pooled.squeeze(0);
    const bool first = embeds.size() == 1;
    (first ? encoded.token_ids : encoded.token_ids_2) = std::move(tokenized.token_ids);
    encoded.tokens = std::max(encoded.tokens, tokenized.tokens);
    encoded.truncated = encoded.truncated || tokenized.truncated;
  }
  encoded.embeds = at::cat(embeds, 1);
  return encoded;
}

}  // namespace bafa::pipeline
