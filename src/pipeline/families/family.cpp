#include "pipeline/families/family.h"

#include <algorithm>

#include "bafa/error.h"
#include "base/log.h"
#include "base/text.h"
#include "pipeline/families/alt_diffusion.h"
#include "pipeline/families/decoders.h"
#include "pipeline/families/stable_diffusion.h"
#include "pipeline/families/stable_diffusion_xl.h"
#include "pipeline/families/z_image.h"

namespace bafa::pipeline {
namespace {

std::vector<std::string> clip_tokenizers() { return {"CLIPTokenizer", "CLIPTokenizerFast"}; }

Family alt_diffusion() {
  return {.class_name = "AltDiffusionPipeline",
          .components = {{"scheduler", sampler::class_names()},
                         {"text_encoder", {"RobertaSeriesModelWithTransformation"}},
                         {"tokenizer", {"XLMRobertaTokenizer", "XLMRobertaTokenizerFast"}},
                         {"unet", {"UNet2DConditionModel"}},
                         {"vae", decoder_classes()}},
          .unused = {"safety_checker", "feature_extractor", "image_encoder"},
          .scheduler_fix = sampler::PipelineFix::offset_one_and_no_clipping,
          .defaults = {.steps = 50, .guidance_scale = 7.5},
          .load = load_alt_diffusion};
}

Family stable_diffusion() {
  return {.class_name = "StableDiffusionPipeline",
          .components = {{"scheduler", sampler::class_names()},
                         {"text_encoder", {"CLIPTextModel"}},
                         {"tokenizer", clip_tokenizers()},
                         {"unet", {"UNet2DConditionModel"}},
                         {"vae", decoder_classes()}},
          .unused = {"safety_checker", "feature_extractor", "image_encoder"},
          .scheduler_fix = sampler::PipelineFix::offset_one_and_no_clipping,
          .defaults = {.steps = 50, .guidance_scale = 7.5},
          .load = load_stable_diffusion};
}

Family latent_consistency() {
  Family family = stable_diffusion();
  family.class_name = "LatentConsistencyModelPipeline";
  family.scheduler_fix = sampler::PipelineFix::none;
  family.defaults = {.steps = 4, .guidance_scale = 8.5};
  family.load = load_latent_consistency;
  return family;
}

Family stable_diffusion_xl() {
  return {.class_name = "StableDiffusionXLPipeline",
          .components = {{"scheduler", sampler::class_names()},
                         {"text_encoder", {"CLIPTextModel"}},
                         {"text_encoder_2", {"CLIPTextModelWithProjection"}},
                         {"tokenizer", clip_tokenizers()},
                         {"tokenizer_2", clip_tokenizers()},
                         {"unet", {"UNet2DConditionModel"}},
                         {"vae", decoder_classes()}},
          .unused = {"feature_extractor", "image_encoder"},
          .defaults = {.steps = 50, .guidance_scale = 5.0},
          .load = load_stable_diffusion_xl};
}

Family z_image() {
  return {.class_name = "ZImagePipeline",
          .components = {{"scheduler", {"FlowMatchEulerDiscreteScheduler"}},
                         {"text_encoder", {"Qwen3Model"}},
                         {"tokenizer", {"Qwen2Tokenizer", "Qwen2TokenizerFast"}},
                         {"transformer", {"ZImageTransformer2DModel"}},
                         {"vae", decoder_classes()}},
          .unused = {},
          .scheduler_fix = sampler::PipelineFix::sigmas_in_fp32,
          .dtype = at::kBFloat16,
          .no_fp16 =
              "its activations go beyond 65504, the largest number of fp16, in the text "
              "encoder, the transformer and the decoder",
          .defaults = {.steps = 8, .guidance_scale = 0},
          .load = load_z_image};
}

const std::vector<Family>& families() {
  static const std::vector<Family> kFamilies{alt_diffusion(), latent_consistency(),
                                             stable_diffusion(), stable_diffusion_xl(), z_image()};
  return kFamilies;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string refusal_of_component(const Family& family, const ModelIndex& index,
                                 const ComponentRule& rule) {
  const auto found = index.components.find(rule.name);
  if (found == index.components.end())
    return "the component " + rule.name + " is missing, which " + index.family + " needs";
  const std::string& class_name = found->second.class_name;
  if (std::ranges::find(rule.classes, class_name) != rule.classes.end()) return "";
  return rule.name + " is a " + printable(class_name) + "; with " + std::string(family.class_name) +
         " bafa knows " + joined(rule.classes);
}

bool is_known(const Family& family, const std::string& name) {
  return std::ranges::find(family.components, name, &ComponentRule::name) !=
             family.components.end() ||
         std::ranges::find(family.unused, name) != family.unused.end();
}

}  // namespace

const Family* find_family(const ModelIndex& index) {
  const auto found = std::ranges::find(families(), index.family, &Family::class_name);
  return found == families().end() ? nullptr : &*found;
}

void refuse_fp16(const ModelIndex& index) {
  const Family* family = find_family(index);
  if (family == nullptr || family->no_fp16.empty()) return;
  throw Error(ErrorCode::invalid_config,
              "dtype fp16 is not for " + index.family + ": " + std::string(family->no_fp16) +
                  "; use auto, bf16 or fp32",
              "model.dtype");
}

std::string refusal(const ModelIndex& index) {
  const Family* family = find_family(index);
  if (family == nullptr) {
    std::vector<std::string> known;
    for (const Family& each : families()) known.emplace_back(each.class_name);
    return "bafa does not know the family " + printable(index.family) +
           " of _class_name; it knows " + joined(known);
  }
  for (const ComponentRule& rule : family->components)
    if (std::string why = refusal_of_component(*family, index, rule); !why.empty()) return why;
  for (const auto& [name, component] : index.components)
    if (!is_known(*family, name))
      return "bafa does not know what " + index.family + " does with the component " + name;
  return "";
}

bool is_run(const ModelIndex& index, const std::string& component) {
  const Family* const family = find_family(index);
  return family == nullptr || std::ranges::find(family->unused, component) == family->unused.end();
}

RequestDefaults defaults_of(const ModelIndex& index) {
  const Family* const family = find_family(index);
  return family == nullptr ? RequestDefaults{} : family->defaults;
}

const Family& family_of(const ModelIndex& index) {
  if (const std::string why = refusal(index); !why.empty())
    throw Error(ErrorCode::unsupported_model,
                (index.folder / "model_index.json").string() + ": " + why, "model_index.json");
  const Family& family = *find_family(index);
  for (const std::string& name : family.unused)
    if (index.components.contains(name))
      spdlog::warn("model_component_unused name={} class={}", name,
                   printable(index.components.at(name).class_name));
  return family;
}

}  // namespace bafa::pipeline
