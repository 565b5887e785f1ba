// The promise of the memory budget, kept by a real model behind the real scheduler: never over it,
// as much as was predicted, and the same pictures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "bafa/error.h"
#include "support/budgeted_engine.h"
#include "support/golden.h"

namespace bafa {
namespace {

using pipeline::LoadOptions;
using test::BudgetedEngine;
using test::PictureWish;

struct Model {
  std::string name;
  std::filesystem::path path;
  int side;    // of its usual picture
  bool tiles;  // which a picture so large is decoded in where memory is short
};

LoadOptions options_of(const Model& model, std::uint64_t budget, const std::string& dtype) {
  LoadOptions options;
  options.path = model.path;
  options.dtype = dtype;
  options.threads = 1;
  options.memory.budget_bytes = budget;
  return options;
}

// Mixed sizes and prompts, each with a seed of its own.
std::vector<PictureWish> mixed(const Model& model, int count) {
  std::vector<PictureWish> wishes;
  for (int i = 0; i < count; ++i) {
    const int side = model.side;
    const std::pair<int, int> sizes[] = {
        {side, side}, {side / 2, side / 2}, {side, side / 2}, {side / 2, side}};
    wishes.push_back({.prompt = i % 3 == 0 ? "a red apple" : "picture " + std::to_string(i),
                      .seed = i,
                      .width = sizes[i % 4].first,
                      .height = sizes[i % 4].second,
                      .steps = 1 + i % 3});
  }
  return wishes;
}

double psnr(const Image& a, const Image& b) {
  if (a.rgb.size() != b.rgb.size() || a.rgb.empty()) return 0;
  double squares = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) squares += std::pow(a.rgb[i] - b.rgb[i], 2);
  if (squares == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(255.0 * 255.0 * static_cast<double>(a.rgb.size()) / squares);
}

// The smallest budget that the model loads in, to a hundredth, from the amount that its plan names.
std::uint64_t smallest_budget(const Model& model, std::uint64_t begin, const std::string& dtype) {
  for (std::uint64_t budget = begin;; budget += budget / 100) {
    try {
      pipeline::load(options_of(model, budget, dtype));
      return budget;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::out_of_memory) << error.what();
    }
  }
}

// A tenth, and for models of a few hundred KiB what a handful of tensors takes.
double allowed(double measured) { return std::max(measured / 10, 40.0 * 1024); }

// For the largest of the pictures.
std::uint64_t needed_for_usual(const Model& model, const std::string& dtype) {
  const auto pipeline = pipeline::load(options_of(model, 0, dtype));
  GenerateRequest request;
  request.prompt = "x";
  request.width = request.height = model.side;
  return pipeline->cost(validate(request, pipeline->capabilities(), 0)).needed_bytes;
}

std::string in_kib(std::uint64_t bytes) { return std::to_string(bytes >> 10) + " KiB"; }

class Prediction : public testing::TestWithParam<Model> {};

struct Batch {
  int width;
  int height;
  int count;
};

void paint_batch(Pipeline& pipeline, const Batch& batch) {
  GenerateRequest request;
  request.prompt = "a red apple";
  request.width = batch.width;
  request.height = batch.height;
  request.steps = 1;
  const ValidRequest valid = validate(request, pipeline.capabilities(), 0);
  const std::vector<ImageTask> tasks(static_cast<std::size_t>(batch.count), {.request = &valid});
  const auto begun = pipeline.begin(tasks);
  std::vector<Generation*> generations;
  for (const auto& generation : begun) generations.push_back(generation.get());
  pipeline.step(generations);
  pipeline.finish(generations);
}

TEST_P(Prediction, IsWithinATenthOfWhatIsMeasured) {
  const int side = GetParam().side;
  for (const std::string dtype : {"auto", "fp32"}) {
    for (const Batch& batch : {Batch{side, side, 1}, Batch{side / 2, side / 2, 1},
                               Batch{side, side / 2, 1}, Batch{side, side, 4}}) {
      const auto pipeline = pipeline::load(options_of(GetParam(), 0, dtype));
      paint_batch(*pipeline, batch);
      const MemoryReport memory = pipeline->memory();
      for (const MemoryReport::Phase& phase : memory.phases) {
        const auto measured = static_cast<double>(phase.measured_bytes);
        std::printf("%s %dx%d batch %d, %s: weights %s predicted %s measured %s\n", dtype.c_str(),
                    batch.width, batch.height, batch.count, phase.name.c_str(),
                    in_kib(memory.weights_bytes).c_str(),
                    in_kib(phase.predicted_bytes - memory.weights_bytes).c_str(),
                    in_kib(phase.measured_bytes - memory.weights_bytes).c_str());
        EXPECT_NEAR(static_cast<double>(phase.predicted_bytes), measured, allowed(measured))
            << dtype << " " << batch.width << "x" << batch.height << ", batch " << batch.count
            << ", to " << phase.name;
      }
    }
  }
}

class Budget : public testing::TestWithParam<Model> {};

TEST_P(Budget, IsNeverExceededAndChangesNoPicture) {
  constexpr int kPictures = 8;
  constexpr int kBudgets = 6;
  for (const std::string dtype : {"auto"}) {
    const std::vector<PictureWish> wishes = mixed(GetParam(), kPictures);
    BudgetedEngine resident(options_of(GetParam(), 0, dtype));
    resident.wait_until_loaded();
    const std::vector<Image> expected = resident.paint(wishes);
    const std::uint64_t most = resident.memory().peak_bytes * 11 / 10;
    const std::uint64_t whole = resident.memory().phases.back().measured_bytes;  // to decode
    const std::uint64_t least =
        std::max(smallest_budget(GetParam(), most / 4, dtype), needed_for_usual(GetParam(), dtype));
    for (int i = 0; i < kBudgets; ++i) {
      const std::uint64_t budget = least + (most - least) * (kBudgets - 1 - i) / (kBudgets - 1);
      BudgetedEngine engine(options_of(GetParam(), budget, dtype));
      engine.wait_until_loaded();
      const std::vector<Image> painted = engine.paint(wishes);
      const MemoryReport memory = engine.memory();
      const std::string what = GetParam().name + " within " + in_kib(budget);
      // Tiles change a picture: then it need only be near.
      const double least_psnr = GetParam().tiles && budget < whole ? 35 : 60;
      EXPECT_LE(memory.peak_bytes, budget) << what;
      for (const MemoryReport::Phase& phase : memory.phases) {
        const auto measured = static_cast<double>(phase.measured_bytes);
        std::printf("%s: %s %s predicted %s measured %s\n", what.c_str(), phase.name.c_str(),
                    phase.level.c_str(), in_kib(phase.predicted_bytes).c_str(),
                    in_kib(phase.measured_bytes).c_str());
        EXPECT_NEAR(static_cast<double>(phase.predicted_bytes), measured, allowed(measured))
            << what << ", to " << phase.name;
      }
      for (int k = 0; k < kPictures; ++k)
        EXPECT_GE(psnr(painted[static_cast<std::size_t>(k)], expected[static_cast<std::size_t>(k)]),
                  least_psnr)
            << what << ", picture " << k;
    }
  }
}

const Model kModels[] = {{"Embedded", "models/bafa-emoji", 256, false},
                         {"Tiny", "tests/golden/data/stable_diffusion", 128, true}};

std::string name_of(const testing::TestParamInfo<Model>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Models, Prediction, testing::ValuesIn(kModels), name_of);
INSTANTIATE_TEST_SUITE_P(Models, Budget, testing::ValuesIn(kModels), name_of);

}  // namespace
}  // namespace bafa
