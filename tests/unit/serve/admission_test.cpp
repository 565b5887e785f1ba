#include "serve/admission.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

namespace bafa::serve {

std::ostream& operator<<(std::ostream& out, const Decision& decision) {
  const auto images = [&](const char* name, const std::vector<ImageRef>& refs) {
    out << name << "{";
    for (const ImageRef& ref : refs) out << ref.job << "." << ref.index << " ";
    out << "} ";
  };
  out << "drop{";
  for (const Drop& drop : decision.drop) out << drop.job << ":" << int(drop.reason) << " ";
  out << "} ";
  images("finish", decision.finish);
  images("begin", decision.begin);
  images("step", decision.step);
  return out;
}

namespace {

using std::chrono::seconds;
using enum ImageStage;

constexpr BatchKey kSmall{.width = 256, .height = 256, .guided = false};
constexpr BatchKey kLarge{.width = 512, .height = 512, .guided = false};
constexpr BatchKey kGuided{.width = 256, .height = 256, .guided = true};
const MonotonicTime kNow{seconds{1000}};

RunningImage image(ImageRef ref, ImageStage stage, BatchKey key = kSmall) {
  return {.image = ref, .stage = stage, .key = key, .workspace_bytes = 10, .alone = false};
}

RunningImage alone(RunningImage image) {
  image.alone = true;
  return image;
}

WaitingJobView waiting(std::uint64_t job, int images = 1, BatchKey key = kSmall) {
  return {.job = job, .images = images, .key = key, .workspace_bytes = 10, .start_deadline = {}};
}

WaitingJobView waiting_until(std::uint64_t job, MonotonicTime deadline) {
  WaitingJobView view = waiting(job);
  view.start_deadline = deadline;
  return view;
}

struct Case {
  std::string name;
  Situation situation;
  Decision expected;
  AdmissionLimits limits = {.max_batch = 4, .workspace_bytes = 0};
};

// running is left out where no rule looks at it.
const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"NothingToDo", {.now = kNow}, {}},
      {"BeginsAWaitingJob", {.now = kNow, .waiting = {waiting(1)}}, {.begin = {{1, 0}}}},
      {"BeginsAllImagesThatFit",
       {.now = kNow, .waiting = {waiting(1, 3), waiting(2, 3)}},
       {.begin = {{1, 0}, {1, 1}, {1, 2}, {2, 0}}}},
      {"BeginsImagesOfDifferentKeysTogether",
       {.now = kNow, .waiting = {waiting(1), waiting(2, 1, kLarge)}},
       {.begin = {{1, 0}, {2, 0}}}},
      {"BeginsTheRestOfARunningJobBeforeTheQueue",
       {.now = kNow,
        .images = {image({1, 0}, painting), image({1, 1}, unbegun)},
        .waiting = {waiting(2)},
        .lanes = {{kSmall}}},
       {.begin = {{1, 1}, {2, 0}}}},
      {"JoinsAJobInMidFlight",
       {.now = kNow,
        .images = {image({1, 0}, painting)},
        .waiting = {waiting(2)},
        .lanes = {{kSmall}}},
       {.begin = {{2, 0}}}},
      {"BeginsNothingWhenTheBatchIsFull",
       {.now = kNow,
        .images = {image({1, 0}, painting), image({1, 1}, painting)},
        .waiting = {waiting(2)},
        .lanes = {{kSmall}}},
       {.step = {{1, 0}, {1, 1}}},
       {.max_batch = 2}},
      {"KeepsToTheWorkspace",
       {.now = kNow, .waiting = {waiting(1, 4)}},
       {.begin = {{1, 0}, {1, 1}}},
       {.max_batch = 4, .workspace_bytes = 25}},
      {"LetsNobodyPassTheFirstThatDoesNotFit",
       {.now = kNow,
        .images = {image({1, 0}, painting)},
        .waiting = {{.job = 2, .images = 1, .key = kLarge, .workspace_bytes = 20}, waiting(3)},
        .lanes = {{kSmall}}},
       {.step = {{1, 0}}},
       {.max_batch = 4, .workspace_bytes = 25}},
      {"AnEmptyDeviceTakesAnyImage",
       {.now = kNow, .waiting = {waiting(1, 2)}},
       {.begin = {{1, 0}}},
       {.max_batch = 4, .workspace_bytes = 5}},
      {"ChangesThePhaseForAllImagesTogether",
       {.now = kNow,
        .images = {image({1, 0}, denoised), image({2, 0}, painting), image({2, 1}, unbegun)},
        .waiting = {waiting(3)},
        .lanes = {{kSmall}}},
       {.step = {{2, 0}}},
       {.max_batch = 4, .workspace_bytes = 0, .phases = Phases::one_at_a_time}},
      {"FinishesAllBeforeItBeginsAgain",
       {.now = kNow,
        .images = {image({1, 0}, denoised), image({2, 0}, denoised), image({2, 1}, unbegun)},
        .waiting = {waiting(3)},
        .lanes = {{kSmall}}},
       {.finish = {{1, 0}, {2, 0}}},
       {.max_batch = 4, .workspace_bytes = 0, .phases = Phases::one_at_a_time}},
      {"BeginsWhatWaitedForThePhase",
       {.now = kNow, .images = {image({2, 1}, unbegun)}, .waiting = {waiting(3)}},
       {.begin = {{2, 1}, {3, 0}}},
       {.max_batch = 4, .workspace_bytes = 0, .phases = Phases::one_at_a_time}},
      {"StepsEveryImageOfALane",
       {.now = kNow,
        .images = {image({1, 0}, painting), image({2, 0}, painting, kLarge),
                   image({3, 0}, painting)},
        .lanes = {{kSmall, 0, 1}, {kLarge, 0, 2}}},
       {.step = {{1, 0}, {3, 0}}}},
      {"LanesTakeTurns",
       {.now = kNow,
        .images = {image({1, 0}, painting), image({2, 0}, painting, kLarge)},
        .lanes = {{kSmall, 0, 2}, {kLarge, 0, 1}}},
       {.step = {{2, 0}}}},
      {"TheLaneWithLessDeviceTimeGoesFirst",
       {.now = kNow,
        .images = {image({1, 0}, painting), image({2, 0}, painting, kLarge)},
        .lanes = {{kSmall, 0.5, 9}, {kLarge, 4.0, 1}}},
       {.step = {{1, 0}}}},
      {"GuidedAndUnguidedDoNotMix",
       {.now = kNow,
        .images = {image({1, 0}, painting), image({2, 0}, painting, kGuided)},
        .lanes = {{kSmall}, {kGuided}}},
       {.step = {{1, 0}}}},
      {"FinishesBeforeAnythingElse",
       {.now = kNow,
        .images = {image({1, 0}, painting), image({2, 0}, denoised), image({3, 0}, denoised)},
        .waiting = {waiting(4)},
        .lanes = {{kSmall}}},
       {.finish = {{2, 0}, {3, 0}}}},
      {"FinishesOneKeyAtATime",
       {.now = kNow,
        .images = {image({1, 0}, denoised, kLarge), image({2, 0}, denoised)},
        .lanes = {{kSmall}, {kLarge}}},
       {.finish = {{1, 0}}}},
      {"DropsACanceledJobAndGivesItsPlaceAway",
       {.now = kNow,
        .running = {{1, true}},
        .images = {image({1, 0}, painting)},
        .waiting = {waiting(2)},
        .lanes = {{kSmall}}},
       {.drop = {{1, DropReason::canceled}}, .begin = {{2, 0}}},
       {.max_batch = 1}},
      {"DoesNotFinishACanceledJob",
       {.now = kNow,
        .running = {{1, true}},
        .images = {image({1, 0}, denoised)},
        .lanes = {{kSmall}}},
       {.drop = {{1, DropReason::canceled}}}},
      {"ExpiresAJobAtItsStartDeadline",
       {.now = kNow, .waiting = {waiting_until(1, kNow), waiting_until(2, kNow + seconds{1})}},
       {.drop = {{1, DropReason::expired}}, .begin = {{2, 0}}}},
      {"DrainingDropsWhoWaitsAndGoesOnWithWhoRuns",
       {.now = kNow,
        .running = {{1, false}},
        .images = {image({1, 0}, painting), image({1, 1}, unbegun)},
        .waiting = {waiting_until(2, kNow)},
        .lanes = {{kSmall}},
        .running_until = kNow + seconds{1}},
       {.drop = {{2, DropReason::draining}}, .begin = {{1, 1}}}},
      {"DrainingEndsWhoRunsWhenItsTimeIsOver",
       {.now = kNow,
        .running = {{1, false}, {2, true}},
        .images = {image({1, 0}, painting), image({2, 0}, painting)},
        .lanes = {{kSmall}},
        .running_until = kNow},
       {.drop = {{1, DropReason::draining}, {2, DropReason::canceled}}}},
      {"StepsAnImageAloneFirst",
       {.now = kNow,
        .images = {image({1, 0}, painting), alone(image({2, 0}, painting)),
                   alone(image({3, 0}, painting))},
        .lanes = {{kSmall}}},
       {.step = {{2, 0}}}},
      {"FinishesAnImageAlone",
       {.now = kNow,
        .images = {alone(image({1, 0}, denoised)), image({2, 0}, denoised)},
        .lanes = {{kSmall}}},
       {.finish = {{1, 0}}}},
      {"BeginsAnImageAlone",
       {.now = kNow,
        .images = {alone(image({1, 0}, unbegun)), alone(image({1, 1}, unbegun))},
        .waiting = {waiting(2)}},
       {.begin = {{1, 0}}}},
      {"DoesNotAddAnImageThatMustBeginAlone",
       {.now = kNow, .images = {image({1, 0}, unbegun), alone(image({2, 0}, unbegun))}},
       {.begin = {{1, 0}}}},
  };
  return all;
}

class AdmissionTable : public testing::TestWithParam<Case> {};

TEST_P(AdmissionTable, Decides) {
  EXPECT_EQ(decide(GetParam().situation, GetParam().limits), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(Admission, AdmissionTable, testing::ValuesIn(cases()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace bafa::serve
