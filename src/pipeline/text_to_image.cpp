#include "pipeline/text_to_image.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_copy.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "bafa/error.h"
#include "base/check.h"
#include "device/counting_allocator.h"
#include "device/out_of_memory.h"
#include "pipeline/image_generation.h"
#include "pipeline/pixels.h"
#include "pipeline/preview_fit.h"

namespace bafa::pipeline {
namespace {

// Tells the observer, when it ends without an exception, how long the scope took.
class StageTimer {
 public:
  StageTimer(StageObserver* observer, Stage stage, std::size_t batch)
      : observer_(observer), stage_(stage), batch_(static_cast<int>(batch)) {}

  void done() const {
    if (observer_ == nullptr) return;
    const std::chrono::duration<double, std::milli> elapsed =
        std::chrono::steady_clock::now() - begin_;
    observer_->observe(stage_, batch_, elapsed.count());
  }

 private:
  StageObserver* observer_;
  Stage stage_;
  int batch_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

std::vector<ImageGeneration*> images_of(std::span<Generation* const> generations) {
  CHECK(!generations.empty());
  std::vector<ImageGeneration*> images;
  for (Generation* generation : generations)
    images.push_back(static_cast<ImageGeneration*>(generation));
  for (const ImageGeneration* image : images) CHECK(image->batch_key == images.front()->batch_key);
  return images;
}

// Copies, so that the images are as they were if the step fails.
std::vector<sampler::Position> positions_of(std::span<ImageGeneration* const> images) {
  std::vector<sampler::Position> positions;
  for (const ImageGeneration* image : images) {
    CHECK(!image->denoised());
    positions.push_back({.schedule = &image->schedule,
                         .index = image->done,
                         .generator = image->generator.clone(),
                         .history = image->history});
  }
  return positions;
}

at::Tensor join_latents(std::span<ImageGeneration* const> images) {
  std::vector<at::Tensor> latents;
  for (const ImageGeneration* image : images) latents.push_back(image->latents);
  return at::cat(latents);
}

// One number an image -> [B] fp64
template <typename Value>
at::Tensor per_image(std::span<ImageGeneration* const> images, at::Device device, Value value) {
  at::Tensor values =
      at::empty({static_cast<std::int64_t>(images.size())}, at::TensorOptions(at::kDouble));
  double* out = values.mutable_data_ptr<double>();
  for (const ImageGeneration* image : images) *out++ = value(*image);
  return values.to(device);
}

PromptKey prompt_of(const GenerationParams& params) {
  return {.text = params.prompt, .clip_skip = params.clip_skip};
}

// Whole, as in the reference.
PromptKey negative_of(const GenerationParams& params) { return {.text = params.negative_prompt}; }

void refuse_non_finite(const char* what) {
  throw Error(ErrorCode::non_finite_output,
              std::string("the ") + what + " gave numbers that are infinite or not numbers");
}

}  // namespace

TextToImage::TextToImage(Parts parts, TextToImageOptions options, Residencies residencies)
    : residencies_(std::move(residencies)),
      parts_(std::move(parts)),
      options_(std::move(options)),
      prompts_(options_.prompt_cache_bytes),
      tracer_(options_.trace) {}

TextToImage::~TextToImage() = default;

// A second forward, without the prompt.
bool TextToImage::is_guided(const GenerationParams& params) const {
  return params.guidance_scale > options_.capabilities.no_guidance_until &&
         !parts_.denoiser->takes_guidance();
}

BatchKey TextToImage::batch_key(const GenerationParams& params) const {
  const std::vector<std::string>& samplers = options_.capabilities.samplers;
  const auto sampler = std::ranges::find(samplers, params.sampler);
  CHECK(sampler != samplers.end());
  return {.width = params.width,
          .height = params.height,
          .guided = is_guided(params),
          .sampler = static_cast<int>(sampler - samplers.begin())};
}

const sampler::Sampler& TextToImage::sampler_of(const BatchKey& key) const {
  return *parts_.samplers.at(static_cast<std::size_t>(key.sampler));
}

Cost TextToImage::cost(const ValidRequest& request) const {
  const GenerationParams& params = request.params();
  const BatchKey key = batch_key(params);
  const memory::Workload work = work_of(key, 1);
  const Residencies::Need need = residencies_.need_of_picture(work);
  const Residency& denoises = residencies_.of(memory::Phase::denoise);
  return {.workspace_bytes = denoises.needs_of_picture(work).denoise_bytes,
          .steps = sampler_of(key).forwards(params.steps),
          .batch_key = key,
          .needed_bytes = need.needed_bytes,
          .budget_bytes = need.budget_bytes};
}

memory::Workload TextToImage::work_of(const BatchKey& key, std::size_t batch) const {
  return {.width = key.width,
          .height = key.height,
          .batch = static_cast<std::int64_t>(batch),
          .tokens = residencies_.of(memory::Phase::denoise).facts().usual.tokens,
          .guided = key.guided};
}

Residency::Lease TextToImage::lease(memory::Phase phase, std::span<ImageGeneration* const> images) {
  return residencies_.acquire(
      {.phase = phase, .work = work_of(images.front()->batch_key, images.size())});
}

// The picture to come that takes most: what the denoiser gets room for.
memory::Workload TextToImage::largest_of(std::span<const ImageTask> tasks) const {
  memory::Workload largest;
  for (const ImageTask& task : tasks) {
    const memory::Workload work = work_of(batch_key(task.request->params()), 1);
    if (work.width * work.height >= largest.width * largest.height) largest = work;
  }
  return largest;
}

EncodedPrompt TextToImage::encode(const PromptKey& prompt) {
  const StageTimer timer(options_.observer, Stage::encode, 1);
  EncodedPrompt encoded = parts_.conditioner->encode_skipping(prompt.text, prompt.clip_skip);
  if (!all_finite(encoded.embeds) || (encoded.pooled.defined() && !all_finite(encoded.pooled)))
    refuse_non_finite("text encoder");
  timer.done();
  return encoded;
}

// All prompts of the tasks that are not known yet, one after the other while the encoder is here.
// Then all that the denoiser makes of them.
void TextToImage::condition(std::span<const ImageTask> tasks, Prompts& prompts) {
  std::unordered_map<PromptKey, EncodedPrompt, PromptKeyHash> encoded;
  const auto want = [&](const PromptKey& prompt) {
    if (prompts.contains(prompt) || encoded.contains(prompt)) return;
    if (auto cached = prompts_.find(prompt)) {
      prompts.emplace(prompt, std::move(cached));
    } else {
      encoded.emplace(prompt, EncodedPrompt());
    }
  };
  for (const ImageTask& task : tasks) {
    want(prompt_of(task.request->params()));
    if (is_guided(task.request->params())) want(negative_of(task.request->params()));
  }
  if (encoded.empty()) return;
  const memory::Workload work = largest_of(tasks);
  {
    const auto lease = residencies_.acquire({.phase = memory::Phase::encode, .work = work});
    for (auto& [prompt, result] : encoded) result = encode(prompt);
  }
  const auto lease = residencies_.acquire(
      {.phase = memory::Phase::denoise, .work = work, .prefetch = Prefetch::nothing});
  for (auto& [prompt, result] : encoded) {
    auto made = std::make_shared<const ConditionedPrompt>(prepare(std::move(result)));
    prompts_.insert(prompt, made);
    prompts.emplace(prompt, std::move(made));
  }
}

// What stays of a prompt is kept as a cache's, and only as large as it is.
ConditionedPrompt TextToImage::prepare(EncodedPrompt encoded) const {
  for (at::Tensor* tensor : {&encoded.embeds, &encoded.pooled})
    *tensor = residencies_.handed_over(*tensor, memory::Phase::encode, memory::Phase::denoise);
  ConditionedPrompt made{.encoded = std::move(encoded), .prepared = {}};
  made.prepared = parts_.denoiser->prepare(made.encoded);
  const auto& ledger = residencies_.of(memory::Phase::denoise).ledger();
  const device::LedgerScope kept(ledger, memory::Kind::cache);
  made.encoded.embeds = made.encoded.embeds.clone();
  if (made.encoded.pooled.defined()) made.encoded.pooled = made.encoded.pooled.clone();
  for (at::Tensor& tensor : made.prepared.tensors) tensor = tensor.clone();
  return made;
}

std::unique_ptr<ImageGeneration> TextToImage::begin_one(const ImageTask& task,
                                                        const Prompts& prompts) {
  const GenerationParams& params = task.request->params();
  auto image = std::make_unique<ImageGeneration>();
  image->batch_key = batch_key(params);
  image->schedule = sampler_of(image->batch_key).schedule(params.steps);
  image->guidance = {.scale = params.guidance_scale,
                     .rescale = params.guidance_rescale,
                     .normalization = params.cfg_normalization,
                     .truncation = params.cfg_truncation};
  image->text = prompts.at(prompt_of(params));
  if (is_guided(params)) image->negative = prompts.at(negative_of(params));

  const auto seed =
      static_cast<std::uint64_t>(params.seed) + static_cast<std::uint64_t>(task.index);
  image->generator = at::detail::createCPUGenerator(seed);
  const std::int64_t scale = parts_.decoder->scale();
  const at::Tensor noise = at::randn(
      {1, parts_.denoiser->latent_channels(), params.height / scale, params.width / scale},
      image->generator, at::TensorOptions(parts_.noise_dtype));
  image->latents = noise.to(options_.device, at::kFloat) * image->schedule.initial_scale;
  tracer_.begun(*image, {.params = &params,
                         .seed = static_cast<std::int64_t>(seed),
                         .noise = noise,
                         .model = options_.capabilities.model,
                         .dtype = options_.dtype,
                         .device = options_.device.str()});
  return image;
}

// On the ledger, and in libtorch's mode without gradients.
template <typename Call>
auto TextToImage::on_device(Call&& call) {
  const c10::InferenceMode inference;
  const auto& ledger = residencies_.of(memory::Phase::denoise).ledger();
  const device::LedgerScope counted(ledger, memory::Kind::activations);
  return device::naming_out_of_memory(std::forward<Call>(call));
}

std::vector<std::unique_ptr<Generation>> TextToImage::begin(std::span<const ImageTask> tasks) {
  return on_device([&] { return begin_all(tasks); });
}

std::vector<std::unique_ptr<Generation>> TextToImage::begin_all(std::span<const ImageTask> tasks) {
  at::init_num_threads();  // OpenMP keeps the number for each thread of ours
  Prompts prompts;
  condition(tasks, prompts);
  std::vector<std::unique_ptr<Generation>> generations;
  for (const ImageTask& task : tasks) generations.push_back(begin_one(task, prompts));
  return generations;
}

// -> [B, C, h, w] fp32, after guidance. The predictions without the prompt are made for those
// pictures only that are guided at this step, and come first.
at::Tensor TextToImage::predict(std::span<ImageGeneration* const> images,
                                const at::Tensor& latents) const {
  const BatchKey& key = images.front()->batch_key;
  std::vector<std::int64_t> rows;  // of the network's batch, as numbers of pictures
  std::vector<const PreparedText*> texts;
  std::vector<const GuidanceSettings*> settings;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const ImageGeneration& image = *images[i];
    if (!key.guided || !image.guidance.guides(image.timestep())) continue;
    rows.push_back(static_cast<std::int64_t>(i));
    texts.push_back(&image.negative->prepared);
    settings.push_back(&image.guidance);
  }
  const auto guided_count = static_cast<std::int64_t>(rows.size());
  const auto count = static_cast<std::int64_t>(images.size());
  for (std::int64_t i = 0; i < count; ++i) rows.push_back(i);
  for (const ImageGeneration* image : images) texts.push_back(&image->text->prepared);

  const at::Tensor chosen = at::tensor(rows, at::TensorOptions(at::kLong)).to(options_.device);
  const auto column = [&](auto value) {
    return per_image(images, options_.device, value).index_select(0, chosen);
  };
  const at::Tensor output =
      parts_.denoiser
          ->predict(
              {.latents = latents.index_select(0, chosen),
               .timesteps =
                   column([](const auto& image) { return image.timestep(); }).to(at::kFloat),
               .texts = texts,
               .guidance_scales = column([](const auto& image) { return image.guidance.scale; }),
               .width = key.width,
               .height = key.height})
          .to(at::kFloat);
  if (guided_count == 0) return output;
  const at::Tensor with_text = output.narrow(0, guided_count, count);
  const at::Tensor which = chosen.narrow(0, 0, guided_count);
  return with_text.index_copy(0, which,
                              guided(parts_.guidance, output.narrow(0, 0, guided_count),
                                     with_text.index_select(0, which), settings));
}

void TextToImage::step(std::span<Generation* const> generations) {
  on_device([&] { step_all(generations); });
}

void TextToImage::step_all(std::span<Generation* const> generations) {
  const std::vector<ImageGeneration*> images = images_of(generations);
  const Residency::Lease lease = this->lease(memory::Phase::denoise, images);
  const sampler::Sampler& sampler = sampler_of(images.front()->batch_key);
  std::vector<sampler::Position> positions = positions_of(images);
  const StageTimer timer(options_.observer, Stage::forward, images.size());
  const at::Tensor latents = join_latents(images);
  const at::Tensor prediction = predict(images, sampler.denoiser_input(latents, positions));
  const sampler::StepOutput after = sampler.step({.latents = latents,
                                                  .prediction = prediction,
                                                  .positions = positions,
                                                  .noise_dtype = parts_.noise_dtype});
  if (!all_finite(after.latents)) refuse_non_finite("denoiser");
  const std::vector<at::Tensor> next = after.latents.split(1);
  const std::vector<at::Tensor> clean = after.denoised.split(1);

  // Nothing below throws: all images have moved or none has.
  for (std::size_t i = 0; i < images.size(); ++i) {
    images[i]->latents = next[i];
    images[i]->denoised_latents = clean[i];
    images[i]->generator = std::move(positions[i].generator);
    images[i]->history = std::move(positions[i].history);
    ++images[i]->done;
  }
  timer.done();
  for (std::size_t i = 0; i < images.size(); ++i)
    tracer_.stepped(*images[i], prediction, static_cast<std::int64_t>(i));
}

// Once, with the decoder.
void TextToImage::fit_preview_colours(const ImageGeneration& image) {
  const Residency::Lease lease =
      residencies_.acquire({.phase = memory::Phase::decode, .work = work_of(image.batch_key, 1)});
  options_.preview = fit_preview(*parts_.decoder, parts_.denoiser->latent_channels(),
                                 residencies_.of(memory::Phase::decode).device());
}

Image TextToImage::preview(const Generation& generation) {
  const auto& image = static_cast<const ImageGeneration&>(generation);
  if (!options_.preview && parts_.fits_preview) on_device([&] { fit_preview_colours(image); });
  CHECK(options_.preview.has_value());
  const at::Tensor& shown = image.done > 0 ? image.denoised_latents : image.latents;
  return on_device([&] { return to_preview(shown[0], *options_.preview); });
}

std::vector<Image> TextToImage::finish(std::span<Generation* const> generations) {
  return on_device([&] { return finish_all(generations); });
}

std::vector<Image> TextToImage::finish_all(std::span<Generation* const> generations) {
  const std::vector<ImageGeneration*> images = images_of(generations);
  for (const ImageGeneration* image : images) CHECK(image->denoised());
  const Residency::Lease lease = this->lease(memory::Phase::decode, images);
  const StageTimer timer(options_.observer, Stage::decode, images.size());
  const memory::Activations& how = lease.activations();
  const at::Tensor latents =
      residencies_.handed_over(join_latents(images), memory::Phase::denoise, memory::Phase::decode);
  const at::Tensor decoded =
      parts_.decoder->decode(latents, {.one_by_one = how.one_by_one, .tile = how.tile});
  if (!all_finite(decoded)) refuse_non_finite("decoder");
  std::vector<Image> pictures = to_images(decoded);
  timer.done();
  for (std::size_t i = 0; i < images.size(); ++i)
    tracer_.decoded(*images[i], decoded, static_cast<std::int64_t>(i));
  return pictures;
}

void TextToImage::idle() {
  prompts_.clear();
  residencies_.give_back();
}

}  // namespace bafa::pipeline
