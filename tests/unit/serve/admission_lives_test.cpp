// Admission over whole random lives of jobs, on a device without a model and with a clock of turns.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "serve/admission.h"
#include "support/dice.h"

namespace bafa::serve {
namespace {

using std::chrono::seconds;
using test::Dice;
using test::random_key;
using test::random_limits;
using Place = std::pair<std::uint64_t, int>;  // job, image

// A device without a model: jobs come, are canceled, expire and are painted, as decided.
class Device {
 public:
  explicit Device(std::uint64_t seed) : dice_(seed), limits_(random_limits(dice_)) {
    situation_.now = MonotonicTime(seconds(1000));
  }

  void turn() {
    if (dice_.one_in(4)) arrive();
    if (dice_.one_in(20) && !situation_.running.empty())
      situation_
          .running[static_cast<std::size_t>(
              dice_.up_to(static_cast<int>(situation_.running.size()) - 1))]
          .canceled = true;
    carry_out();
    situation_.now += seconds(1);
  }

  // With nobody new; true when everybody has ended.
  bool finish_all(int turns) {
    for (int i = 0; i < turns && !(situation_.running.empty() && situation_.waiting.empty()); ++i) {
      carry_out();
      situation_.now += seconds(1);
    }
    return situation_.running.empty() && situation_.waiting.empty();
  }

  void drain(seconds grace) { situation_.running_until = situation_.now + grace; }

  // Every job has ended, and exactly once.
  void check_ends() const {
    EXPECT_EQ(ended_.size(), static_cast<std::size_t>(last_job_));
    for (const auto& [job, times] : ended_) EXPECT_EQ(times, 1) << "job " << job;
  }
  int longest_wait_turns() const { return longest_wait_; }

 private:
  void arrive() {
    WaitingJobView job{.job = ++last_job_,
                       .images = 1 + dice_.up_to(3),
                       .key = random_key(dice_),
                       .workspace_bytes = static_cast<std::uint64_t>(1 + dice_.up_to(15))};
    if (dice_.one_in(4)) job.start_deadline = situation_.now + seconds(dice_.up_to(30));
    situation_.waiting.push_back(job);
  }

  void carry_out() {
    const Decision decision = decide(situation_, limits_);
    for (const Drop& drop : decision.drop) end(drop.job);
    for (const ImageRef& ref : decision.begin) begin(ref);
    for (const ImageRef& ref : decision.step) step(ref, decision.step.size());
    for (const ImageRef& ref : decision.finish) finish(ref);
    for (auto& [place, since] : untouched_) longest_wait_ = std::max(longest_wait_, ++since);
  }

  void begin(const ImageRef& ref) {
    const auto waiting = std::find_if(situation_.waiting.begin(), situation_.waiting.end(),
                                      [&](const auto& job) { return job.job == ref.job; });
    if (waiting != situation_.waiting.end()) {
      situation_.running.push_back({.job = ref.job});
      for (int i = 0; i < waiting->images; ++i)
        situation_.images.push_back({.image = {ref.job, i},
                                     .key = waiting->key,
                                     .workspace_bytes = waiting->workspace_bytes});
      situation_.waiting.erase(waiting);
    }
    RunningImage& image = *find(ref);
    image.stage = ImageStage::painting;
    steps_left_[{ref.job, ref.index}] = 1 + dice_.up_to(5);
    untouched_[{ref.job, ref.index}] = 0;
    if (lane(image.key) == situation_.lanes.end()) open_lane(image.key);
  }

  // A new lane has had as much as the one that has had least: it may not catch up on the past.
  void open_lane(const BatchKey& key) {
    const auto least = std::min_element(
        situation_.lanes.begin(), situation_.lanes.end(),
        [](const Lane& a, const Lane& b) { return a.device_seconds < b.device_seconds; });
    const double had = least == situation_.lanes.end() ? 0 : least->device_seconds;
    situation_.lanes.push_back({.key = key, .device_seconds = had, .last_turn = ++turns_});
  }

  void step(const ImageRef& ref, std::size_t batch) {
    RunningImage& image = *find(ref);
    untouched_[{ref.job, ref.index}] = 0;
    const auto its_lane = lane(image.key);
    its_lane->device_seconds += 1.0 / static_cast<double>(batch);
    its_lane->last_turn = ++turns_;
    if (--steps_left_.at({ref.job, ref.index}) == 0) image.stage = ImageStage::denoised;
  }

  void finish(const ImageRef& ref) {
    const BatchKey key = find(ref)->key;
    remove_image(find(ref));
    const bool more = std::any_of(situation_.images.begin(), situation_.images.end(),
                                  [&](const auto& one) { return one.image.job == ref.job; });
    if (!more) end(ref.job);
    close_lane_if_empty(key);
  }

  void end(std::uint64_t job) {
    ++ended_[job];
    std::vector<BatchKey> keys;
    for (auto image = situation_.images.begin(); image != situation_.images.end();) {
      if (image->image.job != job) {
        ++image;
        continue;
      }
      keys.push_back(image->key);
      image = remove_image(image);
    }
    std::erase_if(situation_.running, [&](const auto& one) { return one.job == job; });
    std::erase_if(situation_.waiting, [&](const auto& one) { return one.job == job; });
    for (const BatchKey& key : keys) close_lane_if_empty(key);
  }

  using Images = std::vector<RunningImage>;

  Images::iterator remove_image(Images::iterator image) {
    untouched_.erase({image->image.job, image->image.index});
    return situation_.images.erase(image);
  }

  Images::iterator find(const ImageRef& ref) {
    return std::find_if(situation_.images.begin(), situation_.images.end(),
                        [&](const auto& image) { return image.image == ref; });
  }

  std::vector<Lane>::iterator lane(const BatchKey& key) {
    return std::find_if(situation_.lanes.begin(), situation_.lanes.end(),
                        [&](const Lane& one) { return one.key == key; });
  }

  void close_lane_if_empty(const BatchKey& key) {
    const bool in_use = std::any_of(
        situation_.images.begin(), situation_.images.end(),
        [&](const auto& one) { return one.stage != ImageStage::unbegun && one.key == key; });
    if (!in_use && lane(key) != situation_.lanes.end()) situation_.lanes.erase(lane(key));
  }

  Dice dice_;
  const AdmissionLimits limits_;
  Situation situation_;
  std::uint64_t last_job_ = 0;
  std::uint64_t turns_ = 0;
  std::map<Place, int> steps_left_;
  std::map<Place, int> untouched_;  // turns since a picture in flight was stepped
  int longest_wait_ = 0;
  std::map<std::uint64_t, int> ended_;
};

TEST(AdmissionLives, BringsEveryJobToExactlyOneEnd) {
  for (std::uint64_t seed = 0; seed < 300 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Device device(seed);
    for (int turn = 0; turn < 300; ++turn) device.turn();
    EXPECT_TRUE(device.finish_all(10'000));
    device.check_ends();
  }
}

TEST(AdmissionLives, LeavesNoPictureInFlightWaitingForLong) {
  int longest = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Device device(seed);
    for (int turn = 0; turn < 300; ++turn) device.turn();
    longest = std::max(longest, device.longest_wait_turns());
  }
  // Four lanes of at most five pictures: their turns, with beginnings and finishings in between.
  EXPECT_LE(longest, 40);
}

TEST(AdmissionLives, DrainsInTheTimeThatItIsGiven) {
  for (std::uint64_t seed = 0; seed < 300 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Device device(seed);
    for (int turn = 0; turn < 100; ++turn) device.turn();
    device.drain(seconds(5));
    EXPECT_TRUE(device.finish_all(7));
    device.check_ends();
  }
}

}  // namespace
}  // namespace bafa::serve
