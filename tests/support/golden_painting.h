// A picture that a golden file describes, painted by a loaded pipeline, with every number on the
// way.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "pipeline/load.h"
#include "pipeline/trace.h"
#include "support/golden.h"
#include "support/layer_weights.h"
#include "support/temporary_folder.h"

namespace bafa::test {

inline at::Tensor pixels_of(const Image& image) {
  return at::tensor(at::ArrayRef<std::uint8_t>(image.rgb), at::kByte)
      .view({image.height, image.width, 3});
}

class GoldenPainting {
 public:
  GoldenPainting(std::filesystem::path model, const std::filesystem::path& golden)
      : golden_(golden), model_(std::move(model)) {}

  const GoldenFile& golden() const { return golden_; }

  // To be called before traced().
  Image paint(const std::string& dtype) {
    pipeline::Trace trace;
    const auto pipeline = pipeline::load({.path = model_, .dtype = dtype, .trace = &trace});
    const ValidRequest request = validate(wish(), pipeline->capabilities(), 0);
    const ImageTask task{.request = &request};
    const auto generations = pipeline->begin({&task, 1});
    Generation* const generation = generations.front().get();
    while (!generation->denoised()) pipeline->step({&generation, 1});
    Image image = pipeline->finish({&generation, 1}).front();
    trace.write(folder_.path() / "trace.safetensors");
    traced_ = std::make_unique<GoldenFile>(folder_.path() / "trace.safetensors");
    return image;
  }

  bool was_traced(const std::string& name) const { return traced_->has(name); }
  at::Tensor traced(const std::string& name) const { return (*traced_)[name]; }

  // Whatever both have: ids, noise and times to the bit, embeddings to 1e-5, each prediction and
  // what follows from it to 1e-4, the picture to 45 dB.
  void expect_equal_stages(const Image& image) const {
    for (const std::string exact : {"token_ids", "token_ids_2", "negative_token_ids",
                                    "negative_token_ids_2", "noise", "timesteps", "sigmas"}) {
      if (!golden_.has(exact)) continue;
      EXPECT_TRUE(at::equal(traced(exact), golden_[exact])) << exact;
    }
    for (const std::string name : {"prompt_embeds", "pooled_prompt_embeds",
                                   "negative_prompt_embeds", "negative_pooled_prompt_embeds"}) {
      if (golden_.has(name)) expect_near(name, 1e-5);
    }
    const int steps = std::stoi(golden_.fact("steps"));
    for (int step = 1; step <= steps; ++step)
      for (const std::string stage : {"prediction.", "latents."})
        expect_near(stage + std::to_string(step), 1e-4);
    if (golden_.has("decoded")) expect_near("decoded", 1e-4);
    EXPECT_GE(psnr(pixels_of(image), golden_["pixels"], 255), 45);
  }

 private:
  GenerateRequest wish() const {
    GenerateRequest request;
    request.prompt = golden_.fact("prompt");
    request.width = std::stoi(golden_.fact("width"));
    request.height = std::stoi(golden_.fact("height"));
    request.steps = std::stoi(golden_.fact("steps"));
    request.seed = std::stoll(golden_.fact("seed"));
    if (golden_.knows("guidance")) request.guidance_scale = std::stod(golden_.fact("guidance"));
    if (golden_.knows("normalization"))
      request.cfg_normalization = std::stod(golden_.fact("normalization"));
    if (golden_.knows("truncation")) request.cfg_truncation = std::stod(golden_.fact("truncation"));
    if (golden_.knows("negative")) request.negative_prompt = golden_.fact("negative");
    return request;
  }

  void expect_near(const std::string& name, double allowed) const {
    const at::Tensor expected = golden_[name];
    // The relative error of nothing but zeros is not a number.
    if (expected.count_nonzero().item<std::int64_t>() == 0) {
      EXPECT_TRUE(at::equal(traced(name), expected)) << name;
    } else {
      EXPECT_LT(relative_error(traced(name), expected), allowed) << name;
    }
  }

  GoldenFile golden_;
  std::filesystem::path model_;
  TemporaryFolder folder_;
  std::unique_ptr<GoldenFile> traced_;
};

}  // namespace bafa::test
