#include "weights/weight.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "device/counting_allocator.h"
#include "device/host_store.h"
#include "nn/conv2d.h"
#include "nn/linear.h"
#include "nn/linear_stack.h"
#include "support/layer_weights.h"
#include "support/refused.h"

namespace bafa::weights {
namespace {

using device::LedgerScope;
using memory::Kind;
using memory::Ledger;
using testing::ElementsAre;

class Weights : public testing::Test {
 protected:
  Weights() { device::install_counting_allocator(); }

  const c10::InferenceMode inference_;
  device::HostStore store_{{}};
};

std::vector<std::string> names_of(const Component& component) {
  std::vector<std::string> names;
  for (const auto& group : component.groups()) names.push_back(group->name());
  return names;
}

TEST_F(Weights, AreGroupedByTheBlocksThatThePlannerKnows) {
  Component component("unet", &store_, Arrival::stay);
  const at::Tensor tensor = at::ones({3});
  component.add("conv_in.weight", tensor);
  component.add("down_blocks.0.resnets.1.conv1.weight", tensor);
  component.add("down_blocks.0.resnets.1.conv2.weight", tensor);
  component.add("down_blocks.0.resnets.1.time_emb_proj.weight", tensor);
  component.add("down_blocks.0.attentions.1.proj_in.weight", tensor);
  EXPECT_THAT(names_of(component),
              ElementsAre("", "down_blocks.0.resnets.1", "down_blocks.0.attentions.1"));
  EXPECT_EQ(component.group("").bytes(), 24u);
  EXPECT_EQ(component.bytes(), 60u);
  component.group("down_blocks.0.resnets.1").leave();
  EXPECT_EQ(component.present_bytes(), 36u);
}

TEST_F(Weights, GoAndComeBackToTheBitInWhateverLayout) {
  Component component("unet", &store_, Arrival::stay);
  const at::Tensor plain = at::randn({5, 7});
  const at::Tensor image = at::randn({2, 3, 4, 5}).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor scalar = at::randn({});
  const at::Tensor half = at::randn({9}).to(at::kBFloat16);
  std::vector<Weight> weights;
  for (const at::Tensor& tensor : {plain, image, scalar, half})
    weights.push_back(component.add("w", tensor.clone()));
  Group& group = component.group("");
  for (int round = 0; round < 3; ++round) {
    group.leave();
    EXPECT_FALSE(weights[0].get().defined());
    group.come();
    EXPECT_TRUE(at::equal(weights[0].get(), plain));
    EXPECT_TRUE(at::equal(weights[1].get(), image));
    EXPECT_EQ(weights[1].get().strides(), image.strides());
    EXPECT_TRUE(at::equal(weights[2].get(), scalar));
    EXPECT_TRUE(at::equal(weights[3].get(), half));
  }
  EXPECT_EQ(store_.bytes(), component.bytes()) << "written once, then only dropped";
}

// A convolution and a linear layer, packed as the machine packs them.
class PackedLayers : public Weights {
 protected:
  PackedLayers() { file_.conv("conv", 6, 10, 3).linear("linear", 10, 4); }

  at::Tensor run(const nn::Conv2d& conv, const nn::Linear& linear) const {
    const at::Tensor image =
        conv(test::channels_last_noise({1, 6, 8, 8}).to(dtype_)).permute({0, 2, 3, 1});
    return linear(image.reshape({64, 10}));
  }

  at::ScalarType dtype_ = at::kFloat;
  test::LayerWeights file_;
};

TEST_F(PackedLayers, GiveTheSameNumbersAfterComingBack) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    dtype_ = dtype;
    Component component("vae", &store_, Arrival::stay);
    auto opened = file_.open(dtype, &component);
    const nn::Conv2d conv(opened.root() / "conv", 6, 10);
    const nn::Linear linear(opened.root() / "linear", 10, 4);
    opened.finish();
    const at::Tensor before = run(conv, linear);
    component.group("").leave();
    component.group("").come();
    EXPECT_TRUE(at::equal(run(conv, linear), before)) << dtype;
  }
}

TEST_F(PackedLayers, NeedNeverHaveBeenOnTheDeviceTogether) {
  Component component("vae", &store_, Arrival::leave);
  auto opened = file_.open(dtype_, &component);
  const nn::Conv2d conv(opened.root() / "conv", 6, 10);
  const nn::Linear linear(opened.root() / "linear", 10, 4);
  opened.finish();
  EXPECT_EQ(component.present_bytes(), 0u);
  EXPECT_EQ(store_.bytes(), component.bytes());
  component.group("").come();

  auto plain = file_.open(dtype_);
  EXPECT_TRUE(at::equal(run(conv, linear), run(nn::Conv2d(plain.root() / "conv", 6, 10),
                                               nn::Linear(plain.root() / "linear", 10, 4))));
}

TEST_F(Weights, AreOffTheLedgerWhileTheyAreAway) {
  const auto ledger = std::make_shared<Ledger>(1000);
  const LedgerScope scope(ledger, Kind::weights);
  Component component("unet", &store_, Arrival::stay);
  const Weight first = component.add("a", at::ones({100}));
  const Weight second = component.add("b", at::ones({100}));
  Group& group = component.group("");
  EXPECT_EQ(ledger->usage().total_bytes, 800u);
  group.leave();
  EXPECT_EQ(ledger->usage().total_bytes, 0u);
  {
    const auto taken = ledger->reserve(Kind::workspace, 500);
    EXPECT_EQ(test::refused([&] { group.come(); }).code, ErrorCode::out_of_memory);
    EXPECT_FALSE(group.present());
    EXPECT_EQ(ledger->usage().total_bytes, 500u) << "half a group is none";
  }
  group.come();
  EXPECT_EQ(ledger->usage().total_bytes, 800u);
}

TEST_F(Weights, TellTheirWatcherWhenTheyAreUsed) {
  struct Watcher final : GroupWatcher {
    void use(Group& group) override {
      used.push_back(group.name());
      group.come();
    }
    std::vector<std::string> used;
  } watcher;
  Component component("unet", &store_, Arrival::leave);
  const Weight weight = component.add("layers.3.weight", at::ones({2}));
  Group& group = component.group("layers.3");
  EXPECT_FALSE(weight.get().defined());
  group.watch(&watcher);
  EXPECT_EQ(weight.get().numel(), 2);
  EXPECT_THAT(watcher.used, ElementsAre("layers.3"));
}

TEST_F(Weights, AStackIsAtHomeWhereAllItsLayersAre) {
  test::LayerWeights file;
  file.linear("layers.0.q", 2, 3).linear("layers.0.k", 2, 3).linear("layers.1.q", 2, 3);
  Component component("unet", &store_, Arrival::stay);
  auto opened = file.open(at::kFloat, &component);
  nn::LinearStack within(2);
  within.add(opened.root() / "layers" / 0 / "q", 3);
  within.add(opened.root() / "layers" / 0 / "k", 3);
  within.join();
  EXPECT_THAT(names_of(component), ElementsAre("layers.0"));
  nn::LinearStack across(2);
  across.add(opened.root() / "layers" / 0 / "q", 3);
  across.add(opened.root() / "layers" / 1 / "q", 3);
  across.join();
  EXPECT_THAT(names_of(component), ElementsAre("layers.0", ""));
}

}  // namespace
}  // namespace bafa::weights
