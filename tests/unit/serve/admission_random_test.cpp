// The rules of admission over random situations: what must hold whatever comes together. Every run
// has a seed, and a failure names it.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
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

void add_running_job(Situation& situation, std::uint64_t job, Dice& dice) {
  situation.running.push_back({.job = job, .canceled = dice.one_in(6)});
  const BatchKey key = random_key(dice);
  const auto bytes = static_cast<std::uint64_t>(1 + dice.up_to(15));
  for (int index = dice.up_to(3); index >= 0; --index) {
    const auto stage = static_cast<ImageStage>(dice.up_to(2));
    situation.images.push_back({.image = {job, index},
                                .stage = stage,
                                .key = key,
                                .workspace_bytes = bytes,
                                .alone = dice.one_in(8)});
    const bool has_lane = std::any_of(situation.lanes.begin(), situation.lanes.end(),
                                      [&](const Lane& lane) { return lane.key == key; });
    if (stage != ImageStage::unbegun && !has_lane)
      situation.lanes.push_back({.key = key,
                                 .device_seconds = dice.up_to(3) * 0.5,
                                 .last_turn = static_cast<std::uint64_t>(dice.up_to(100))});
  }
}

Situation random_situation(Dice& dice) {
  Situation situation;
  situation.now = MonotonicTime(seconds(1000));
  std::uint64_t job = 1;
  for (int count = dice.up_to(4); count > 0; --count) add_running_job(situation, job++, dice);
  for (int count = dice.up_to(4); count > 0; --count) {
    WaitingJobView view{.job = job++,
                        .images = 1 + dice.up_to(3),
                        .key = random_key(dice),
                        .workspace_bytes = static_cast<std::uint64_t>(1 + dice.up_to(15))};
    if (dice.one_in(2)) view.start_deadline = situation.now + seconds(dice.up_to(4) - 2);
    situation.waiting.push_back(view);
  }
  if (dice.one_in(5)) situation.running_until = situation.now + seconds(dice.up_to(2) - 1);
  return situation;
}

// What a decision is about, looked up in the situation that it was made for.
class Verdict {
 public:
  Verdict(const Situation& situation, const AdmissionLimits& limits)
      : situation_(situation), limits_(limits), decision_(decide(situation, limits)) {
    for (const Drop& drop : decision_.drop) dropped_.insert(drop.job);
    for (const RunningImage& image : situation.images)
      images_.emplace(Place(image.image.job, image.image.index), image);
    for (const WaitingJobView& job : situation.waiting)
      for (int i = 0; i < job.images; ++i)
        images_.emplace(Place(job.job, i), RunningImage{.image = {job.job, i},
                                                        .stage = ImageStage::unbegun,
                                                        .key = job.key,
                                                        .workspace_bytes = job.workspace_bytes});
  }

  void check() const {
    check_drops();
    check_choice(decision_.finish, ImageStage::denoised);
    check_choice(decision_.begin, ImageStage::unbegun);
    check_choice(decision_.step, ImageStage::painting);
    check_one_call(decision_.finish);
    check_one_call(decision_.step);
    check_room();
    check_nobody_is_passed();
    check_progress();
  }

 private:
  void check_drops() const {
    EXPECT_EQ(dropped_.size(), decision_.drop.size()) << "a job ends once";
    std::map<std::uint64_t, DropReason> expected;
    const bool draining = situation_.running_until.has_value();
    for (const RunningJobView& job : situation_.running) {
      if (job.canceled)
        expected[job.job] = DropReason::canceled;
      else if (draining && *situation_.running_until <= situation_.now)
        expected[job.job] = DropReason::draining;
    }
    for (const WaitingJobView& job : situation_.waiting) {
      if (draining)
        expected[job.job] = DropReason::draining;
      else if (job.start_deadline && *job.start_deadline <= situation_.now)
        expected[job.job] = DropReason::expired;
    }
    std::map<std::uint64_t, DropReason> found;
    for (const Drop& drop : decision_.drop) found[drop.job] = drop.reason;
    EXPECT_EQ(found, expected);
  }

  // Pictures that are there, at that stage, once each, and of nobody who was dropped.
  void check_choice(const std::vector<ImageRef>& chosen, ImageStage stage) const {
    std::set<Place> seen;
    for (const ImageRef& ref : chosen) {
      const auto found = images_.find({ref.job, ref.index});
      ASSERT_NE(found, images_.end());
      EXPECT_EQ(found->second.stage, stage);
      EXPECT_TRUE(seen.insert({ref.job, ref.index}).second);
      EXPECT_FALSE(dropped_.contains(ref.job));
    }
  }

  // What shares a call of the model: one key, no more than a batch, nobody who must be alone.
  void check_one_call(const std::vector<ImageRef>& chosen) const {
    EXPECT_LE(static_cast<int>(chosen.size()), limits_.max_batch);
    for (const ImageRef& ref : chosen) {
      EXPECT_EQ(at(ref).key, at(chosen.front()).key);
      EXPECT_TRUE(!at(ref).alone || chosen.size() == 1);
    }
  }

  void check_room() const {
    std::uint64_t bytes = 0;
    int in_flight = 0;
    for (const RunningImage& image : situation_.images) {
      if (image.stage == ImageStage::unbegun || dropped_.contains(image.image.job)) continue;
      bytes += image.workspace_bytes;
      ++in_flight;
    }
    for (const ImageRef& ref : decision_.begin) {
      bytes += at(ref).workspace_bytes;
      ++in_flight;
    }
    if (decision_.begin.empty() || in_flight == 1) return;  // an empty device takes any picture
    EXPECT_LE(in_flight, limits_.max_batch);
    EXPECT_TRUE(limits_.workspace_bytes == 0 || bytes <= limits_.workspace_bytes) << bytes;
  }

  // Those that begin are the first of everybody who could: running jobs', then the queue's.
  void check_nobody_is_passed() const {
    std::vector<ImageRef> line;
    for (const RunningImage& image : situation_.images)
      if (image.stage == ImageStage::unbegun && !dropped_.contains(image.image.job))
        line.push_back(image.image);
    for (const WaitingJobView& job : situation_.waiting)
      for (int i = 0; i < job.images && !dropped_.contains(job.job); ++i)
        line.push_back({job.job, i});
    ASSERT_LE(decision_.begin.size(), line.size());
    EXPECT_TRUE(std::equal(decision_.begin.begin(), decision_.begin.end(), line.begin()));
  }

  // One call at most, and none only when nothing is left to do.
  void check_progress() const {
    const int calls =
        !decision_.finish.empty() + !decision_.begin.empty() + !decision_.step.empty();
    const bool work = std::any_of(images_.begin(), images_.end(), [&](const auto& image) {
      return !dropped_.contains(image.first.first);
    });
    EXPECT_EQ(calls, work ? 1 : 0);
  }

  const RunningImage& at(const ImageRef& ref) const { return images_.at({ref.job, ref.index}); }

  const Situation& situation_;
  const AdmissionLimits& limits_;
  const Decision decision_;
  std::set<std::uint64_t> dropped_;
  std::map<Place, RunningImage> images_;
};

TEST(AdmissionRandom, KeepsItsRulesInAnySituation) {
  for (std::uint64_t seed = 0; seed < 20'000 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Dice dice(seed);
    const Situation situation = random_situation(dice);
    const AdmissionLimits limits = random_limits(dice);
    Verdict(situation, limits).check();
  }
}

}  // namespace
}  // namespace bafa::serve
