#include "memory/device_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "bafa/error.h"
#include "support/refused.h"

namespace bafa::memory {
namespace {

using testing::HasSubstr;
using Texts = std::vector<std::string>;

TEST(DeviceMap, WithoutEntriesIsOneDeviceForAll) {
  const auto devices = map_devices({.device = "cuda:1"}, {.budget_bytes = 7});
  ASSERT_EQ(devices.size(), 1u);
  EXPECT_EQ(devices[0].name, "cuda:1");
  EXPECT_EQ(devices[0].phases, kAllPhases);
  EXPECT_EQ(devices[0].budget_bytes, 7u);
}

TEST(DeviceMap, PutsComponentsWhereItSaysAndTheDenoisersDeviceFirst) {
  const auto devices =
      map_devices({.device = "cuda:0", .device_map = {"encoder=cpu", "decoder=cuda:1"}},
                  {.budget_bytes = 8, .device_budgets = {"cpu=2GiB"}});
  ASSERT_EQ(devices.size(), 3u);
  EXPECT_EQ(devices[0].name, "cuda:0");
  EXPECT_EQ(devices[0].phases, (PhaseSet{false, true, false}));
  EXPECT_EQ(devices[0].budget_bytes, 8u);
  EXPECT_EQ(devices[1].name, "cpu");
  EXPECT_EQ(devices[1].phases, (PhaseSet{true, false, false}));
  EXPECT_EQ(devices[1].budget_bytes, 2u << 30);
  EXPECT_EQ(devices[1].field, "model.device_map");
  EXPECT_EQ(devices[2].name, "cuda:1");
  EXPECT_EQ(devices[2].budget_bytes, 0u);
}

TEST(DeviceMap, KnowsThatTheFirstProcessorIsTheProcessor) {
  const auto devices = map_devices({.device = "cpu", .device_map = {"encoder=cpu:0"}}, {});
  EXPECT_EQ(devices.size(), 1u);
  EXPECT_EQ(gpu_index("cuda:12"), 12);
  EXPECT_EQ(gpu_index("cpu:2"), -1);
}

struct Mistake {
  ModelConfig model;
  Texts budgets;
  std::string field;
  std::string message;
};

TEST(DeviceMap, RefusesMistakesByFieldAndWord) {
  const Mistake mistakes[] = {
      {{.device = "gpu"}, {}, "model.device", "device gpu is unknown"},
      {{.device_map = {"unet=cpu"}}, {}, "model.device_map", "no component unet"},
      {{.device_map = {"encoder"}}, {}, "model.device_map", "not of the form encoder=cpu"},
      {{.device_map = {"encoder=tpu:0"}}, {}, "model.device_map", "device tpu:0 is unknown"},
      {{.device_map = {"encoder=cpu:1", "encoder=cpu"}},
       {},
       "model.device_map",
       "encoder is there twice"},
      {{.device_map = {"encoder=cpu:1"}},
       {"cpu:2=1GiB"},
       "memory.device_budgets",
       "nothing runs on cpu:2"},
      {{.device_map = {"encoder=cpu:1"}},
       {"cpu=1GiB"},
       "memory.device_budgets",
       "is memory.budget_bytes"},
      {{.device_map = {"encoder=cpu:1"}},
       {"cpu:1=1GiB", "cpu:1=2GiB"},
       "memory.device_budgets",
       "cpu:1 is there twice"},
      {{.device_map = {"encoder=cpu:1"}}, {"cpu:1=much"}, "memory.device_budgets", "not an amount"},
  };
  for (const Mistake& mistake : mistakes) {
    const auto refused =
        test::refused([&] { map_devices(mistake.model, {.device_budgets = mistake.budgets}); });
    EXPECT_EQ(refused.code, ErrorCode::invalid_config) << mistake.message;
    EXPECT_THAT(refused.message, HasSubstr(mistake.message));
    EXPECT_THAT(refused.message, HasSubstr(mistake.field + ": "));
  }
}

}  // namespace
}  // namespace bafa::memory
