// Prompts through one or two of CLIP's text encoders, as the Stable Diffusion families do. Called
// by the device thread. Source: encode_prompt of diffusers pipelines/stable_diffusion and
// pipelines/stable_diffusion_xl.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/clip_text.h"
#include "pipeline/model_index.h"
#include "pipeline/parts.h"
#include "text/tokenizer.h"

namespace bafa::pipeline {

struct ClipTextPart {
  std::unique_ptr<text::Tokenizer> tokenizer;
  model::ClipText encoder;
};

// Reads the folders "text_encoder" and "tokenizer", both with `suffix` behind. Throws
// Error{invalid_model, unsupported_model}.
ClipTextPart load_clip_text(const ModelIndex& index, const LoadTarget& target,
                            const std::string& suffix, model::ClipTextHead head);

struct ClipConditionerOptions {
  std::int64_t skipped_layers = 0;       // of each encoder, at its end
  bool final_norm = true;                // after what is left
  bool zeros_for_absent_prompt = false;  // else an absent prompt is an empty one
  LoadTarget target;                     // that the encoders were loaded for
};

class ClipConditioner final : public Conditioner {
 public:
  // One or two; equally long. The pooled text is that of the last, if it has a projection.
  ClipConditioner(std::vector<ClipTextPart> parts, const ClipConditionerOptions& options);

  int max_tokens() const override;

  // embeds [max_tokens(), the sum of the encoders' features]
  EncodedPrompt encode(const std::optional<std::string>& prompt) const override {
    return encode_skipping(prompt, 0);
  }
  EncodedPrompt encode_skipping(const std::optional<std::string>& prompt,
                                int layers) const override;
  int max_clip_skip() const override;  // one layer must be left

  std::int64_t text_features() const;    // width of the embeddings
  std::int64_t pooled_features() const;  // 0: no pooled text

 private:
  EncodedPrompt zeros() const;

  std::vector<ClipTextPart> parts_;
  ClipConditionerOptions options_;
};

}  // namespace bafa::pipeline
