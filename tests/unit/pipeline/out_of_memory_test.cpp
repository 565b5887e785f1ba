// Memory that runs out all the same, in every stage of a real model behind the real scheduler: the
// batch is tried again one by one, who fails alone fails, and nothing stays behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "memory/ledger.h"
#include "support/budgeted_engine.h"
#include "support/dice.h"
#include "support/golden.h"

namespace bafa {
namespace {

using memory::Kind;
using memory::Ledger;
using pipeline::LoadOptions;
using test::BudgetedEngine;
using test::PictureWish;

enum class Stage { begin, step, finish };

struct Call {
  Stage stage = Stage::step;
  int steps_done = 0;
  std::vector<std::int64_t> seeds;
};

// What happens to a call of the model.
enum class Fate { runs, device_is_full, host_is_full };

// Somebody else on the machine: during some calls there is next to no memory left.
class Neighbour final : public Pipeline {
 public:
  using Decide = std::function<Fate(const Call&)>;

  Neighbour(std::unique_ptr<Pipeline> pipeline, std::shared_ptr<Ledger> ledger, Decide decide,
            std::shared_ptr<std::atomic<bool>> rested)
      : pipeline_(std::move(pipeline)),
        ledger_(std::move(ledger)),
        decide_(std::move(decide)),
        rested_(std::move(rested)) {}

  const Capabilities& capabilities() const override { return pipeline_->capabilities(); }
  Cost cost(const ValidRequest& request) const override { return pipeline_->cost(request); }
  MemoryReport memory() const override { return pipeline_->memory(); }
  Image preview(const Generation& generation) override { return pipeline_->preview(generation); }
  void idle() override {
    pipeline_->idle();
    *rested_ = true;
  }

 private:
  template <typename Action>
  auto run(const Call& call, Action&& action) {
    *rested_ = false;
    const Fate fate = decide_(call);
    if (fate == Fate::host_is_full) throw std::bad_alloc();
    Ledger::Reservation taken;
    if (fate == Fate::device_is_full) {
      const memory::Usage usage = ledger_->usage();
      taken = ledger_->reserve(Kind::workspace, usage.limit_bytes - usage.total_bytes);
    }
    return action();
  }

 public:
  std::vector<std::unique_ptr<Generation>> begin(std::span<const ImageTask> tasks) override {
    Call call{.stage = Stage::begin, .seeds = {}};
    for (const ImageTask& task : tasks)
      call.seeds.push_back(task.request->params().seed + task.index);
    auto begun = run(call, [&] { return pipeline_->begin(tasks); });
    for (std::size_t i = 0; i < begun.size(); ++i) seeds_[begun[i].get()] = call.seeds[i];
    return begun;
  }

  void step(std::span<Generation* const> generations) override {
    run(call_of(Stage::step, generations), [&] { pipeline_->step(generations); });
  }

  std::vector<Image> finish(std::span<Generation* const> generations) override {
    return run(call_of(Stage::finish, generations), [&] { return pipeline_->finish(generations); });
  }

 private:
  Call call_of(Stage stage, std::span<Generation* const> generations) {
    Call call{.stage = stage, .steps_done = generations.front()->steps_done(), .seeds = {}};
    for (const Generation* generation : generations) call.seeds.push_back(seeds_.at(generation));
    return call;
  }

  std::unique_ptr<Pipeline> pipeline_;
  std::shared_ptr<Ledger> ledger_;
  Decide decide_;
  std::shared_ptr<std::atomic<bool>> rested_;  // idle() was the last call
  std::map<const Generation*, std::int64_t> seeds_;
};

LoadOptions tiny_model() {
  LoadOptions options;
  options.path = test::kGoldenData / "stable_diffusion";
  options.dtype = "fp32";
  options.threads = 1;
  return options;
}

enum class Room { for_all, for_one_picture };

std::uint64_t budget_for(Room room) {
  if (room == Room::for_all) return 64 << 20;
  const auto pipeline = pipeline::load(tiny_model());
  GenerateRequest request;
  request.prompt = "x";
  return pipeline->cost(validate(request, pipeline->capabilities(), 0)).needed_bytes * 11 / 10;
}

class OutOfMemory : public testing::TestWithParam<Room> {
 protected:
  std::unique_ptr<BudgetedEngine> open(Neighbour::Decide decide) {
    LoadOptions options = tiny_model();
    options.memory.budget_bytes = budget_;
    options.ledger = ledger_;
    auto engine = std::make_unique<BudgetedEngine>(
        options,
        [ledger = ledger_, rested = rested_,
         decide = std::move(decide)](std::unique_ptr<Pipeline> pipeline) {
          return std::make_unique<Neighbour>(std::move(pipeline), ledger, decide, rested);
        },
        BudgetedEngine::Serving{.max_batch = 4, .idle_after = std::chrono::seconds(0)});
    engine->wait_until_loaded();
    return engine;
  }

  static std::vector<PictureWish> four() {
    std::vector<PictureWish> wishes;
    for (int seed = 0; seed < 4; ++seed)
      wishes.push_back({.prompt = "picture " + std::to_string(seed), .seed = seed, .steps = 3});
    return wishes;
  }

  // What is in use once the engine has had nothing to do.
  std::uint64_t at_rest() const {
    while (!*rested_) std::this_thread::yield();
    EXPECT_EQ(ledger_->usage().of(Kind::cache) + ledger_->usage().of(Kind::activations), 0u);
    return ledger_->usage().total_bytes;
  }

  std::shared_ptr<std::atomic<bool>> rested_ = std::make_shared<std::atomic<bool>>(true);
  const std::uint64_t budget_ = budget_for(GetParam());
  std::shared_ptr<Ledger> ledger_ = std::make_shared<Ledger>(budget_);
};

struct Injection {
  std::string name;
  Stage stage;
  int steps_done;
  Fate fate;
};

std::vector<Injection> injections() {
  std::vector<Injection> all;
  for (const auto& [fate, where] :
       {std::pair{Fate::device_is_full, "device"}, {Fate::host_is_full, "host"}}) {
    all.push_back({"encode, " + std::string(where), Stage::begin, 0, fate});
    for (int step = 0; step < 3; ++step)
      all.push_back({"step " + std::to_string(step) + ", " + where, Stage::step, step, fate});
    all.push_back({"decode, " + std::string(where), Stage::finish, 3, fate});
  }
  return all;
}

bool hits(const Injection& injection, const Call& call) {
  return call.stage == injection.stage && call.steps_done == injection.steps_done;
}

TEST_P(OutOfMemory, OnceInAnyStageOnlyCostsARetry) {
  for (const Injection& injection : injections()) {
    auto left = std::make_shared<int>(1);
    auto failed = std::make_shared<int>(0);
    const auto engine = open([=](const Call& call) {
      if (!hits(injection, call) || *left == 0) return Fate::runs;
      --*left;
      ++*failed;
      return injection.fate;
    });
    engine->paint(four());
    const std::uint64_t before = at_rest();
    *left = 1;
    const std::vector<Image> painted = engine->paint(four());
    EXPECT_EQ(*failed, 2) << injection.name;
    EXPECT_EQ(painted.size(), 4u);
    EXPECT_EQ(at_rest(), before) << injection.name;
  }
}

TEST_P(OutOfMemory, AlwaysForOnePictureFailsThatOneAlone) {
  constexpr std::int64_t kUnlucky = 2;
  for (const Injection& injection : injections()) {
    const auto engine = open([=](const Call& call) {
      const bool unlucky = std::ranges::find(call.seeds, kUnlucky) != call.seeds.end();
      return unlucky && hits(injection, call) ? injection.fate : Fate::runs;
    });
    std::vector<JobId> ids;
    for (const PictureWish& wish : four())
      ids.push_back(std::get<Accepted>(engine->submit(wish)).id);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const JobSnapshot job = engine->end_of(ids[i]);
      if (i != kUnlucky) {
        EXPECT_EQ(job.state, JobState::succeeded) << injection.name << ", picture " << i;
        continue;
      }
      EXPECT_EQ(job.state, JobState::failed) << injection.name;
      ASSERT_TRUE(job.error);
      EXPECT_EQ(job.error->code, ErrorCode::out_of_memory) << job.error->message;
    }
    const std::uint64_t after_failures = at_rest();
    PictureWish next = four().front();
    engine->paint({next});
    EXPECT_EQ(at_rest(), after_failures) << injection.name;
  }
}

TEST_P(OutOfMemory, AndCancelsLeaveNothingBehindAfterTwoHundredPictures) {
  constexpr int kPictures = 200;
  test::Dice dice(7);
  auto decide_dice = std::make_shared<test::Dice>(11);
  auto fails = std::make_shared<std::atomic<bool>>(false);
  auto failed = std::make_shared<std::atomic<int>>(0);
  const auto engine = open([=](const Call&) {
    const auto fate = decide_dice->up_to(19);
    if (fate > 1 || !*fails) return Fate::runs;
    ++*failed;
    return fate == 0 ? Fate::device_is_full : Fate::host_is_full;
  });
  engine->paint({four().front()});
  const std::uint64_t before = at_rest();
  *fails = true;
  std::vector<JobId> ids;
  int canceled = 0;
  for (int i = 0; i < kPictures; ++i) {
    const int side = dice.up_to(1) == 0 ? 64 : 32;
    ids.push_back(std::get<Accepted>(engine->submit({.prompt = "soak " + std::to_string(i % 7),
                                                     .seed = i,
                                                     .width = side,
                                                     .height = 64,
                                                     .steps = 1 + static_cast<int>(dice.up_to(3))}))
                      .id);
    if (dice.up_to(4) == 0) engine->engine().cancel(ids[static_cast<std::size_t>(dice.up_to(i))]);
  }
  int succeeded = 0;
  for (const JobId& id : ids) {
    const JobState end = engine->end_of(id).state;
    succeeded += end == JobState::succeeded ? 1 : 0;
    canceled += end == JobState::canceled ? 1 : 0;
  }
  EXPECT_GT(succeeded, kPictures / 4);
  EXPECT_GT(canceled, kPictures / 20);
  EXPECT_GT(*failed, kPictures / 20);
  *fails = false;
  engine->paint({four().front()});
  // A fiftieth; less, where a large picture has driven out what stays otherwise until it is used.
  const std::uint64_t after = at_rest();
  EXPECT_LE(after, before + before / 50);
  EXPECT_GE(after + before / 50, GetParam() == Room::for_all ? before : 0);
  EXPECT_LE(engine->memory().peak_bytes, budget_);
}

INSTANTIATE_TEST_SUITE_P(Budgets, OutOfMemory,
                         testing::Values(Room::for_all, Room::for_one_picture),
                         [](const auto& room) {
                           return room.param == Room::for_all ? "Roomy" : "Tight";
                         });

}  // namespace
}  // namespace bafa
