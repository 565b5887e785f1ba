#include "device/counting_allocator.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "support/refused.h"

namespace bafa::device {
namespace {

using memory::Kind;
using memory::Ledger;
using testing::HasSubstr;

class CountingAllocator : public testing::Test {
 protected:
  CountingAllocator() { install_counting_allocator(); }

  static at::Tensor bytes(std::int64_t count) {
    return at::empty({count}, at::TensorOptions(at::kByte));
  }

  std::shared_ptr<Ledger> ledger_ = std::make_shared<Ledger>(10'000);
};

TEST_F(CountingAllocator, ChargesWhatIsAllocatedWithinAScopeUntilItIsFreed) {
  at::Tensor kept;
  {
    const LedgerScope scope(ledger_, Kind::weights);
    kept = bytes(600);
    const at::Tensor passing = bytes(400);
    EXPECT_EQ(ledger_->usage().of(Kind::weights), 1000u);
  }
  EXPECT_EQ(ledger_->usage().of(Kind::weights), 600u);
  const at::Tensor outside = bytes(5000);
  EXPECT_EQ(ledger_->usage().total_bytes, 600u);
  kept.reset();
  EXPECT_EQ(ledger_->usage().total_bytes, 0u);
  EXPECT_EQ(ledger_->usage().peak_bytes, 1000u);
}

TEST_F(CountingAllocator, ChargesTheInnermostScope) {
  const auto other = std::make_shared<Ledger>(10'000);
  const LedgerScope outer(ledger_, Kind::activations);
  at::Tensor inner_tensor;
  {
    const LedgerScope inner(other, Kind::cache);
    inner_tensor = bytes(70);
    const LedgerScope none(nullptr, Kind::cache);
    const at::Tensor host = bytes(9000);
  }
  const at::Tensor tensor = bytes(30);
  EXPECT_EQ(other->usage().of(Kind::cache), 70u);
  EXPECT_EQ(other->usage().peak_bytes, 70u);
  EXPECT_EQ(ledger_->usage().of(Kind::activations), 30u);
}

TEST_F(CountingAllocator, RefusesWhatWouldGoOverTheLimitAndCountsNothingOfIt) {
  const LedgerScope scope(ledger_, Kind::activations);
  const at::Tensor most = bytes(9'999);
  const auto refused = test::refused([] { bytes(2); });
  EXPECT_EQ(refused.code, ErrorCode::out_of_memory);
  EXPECT_THAT(refused.message, HasSubstr("memory budget"));
  EXPECT_EQ(ledger_->usage().total_bytes, 9'999u);
  EXPECT_EQ(bytes(1).numel(), 1);
}

TEST_F(CountingAllocator, SaysOutOfMemoryWhenTheSystemHasNone) {
  const auto endless = std::make_shared<Ledger>(Ledger::kNoLimit);
  const LedgerScope scope(endless, Kind::activations);
  const auto refused = test::refused([] { bytes(std::int64_t{1} << 60); });
  EXPECT_EQ(refused.code, ErrorCode::out_of_memory);
  EXPECT_EQ(endless->usage().total_bytes, 0u);
}

TEST_F(CountingAllocator, TakesOffTheLedgerWhatAnotherThreadFrees) {
  at::Tensor tensor;
  {
    const LedgerScope scope(ledger_, Kind::weights);
    tensor = bytes(100);
  }
  std::thread([moved = std::move(tensor)]() mutable { moved.reset(); }).join();
  EXPECT_EQ(ledger_->usage().total_bytes, 0u);
}

TEST_F(CountingAllocator, ATensorMayOutliveWhoeverMadeItsLedger) {
  at::Tensor tensor;
  const std::weak_ptr<Ledger> watched = ledger_;
  {
    const LedgerScope scope(std::move(ledger_), Kind::weights);
    tensor = bytes(100);
  }
  EXPECT_FALSE(watched.expired());
  tensor.reset();
  EXPECT_TRUE(watched.expired());
}

TEST_F(CountingAllocator, CountsWhatOneDnnPacks) {
  if (!at::hasMKLDNN()) GTEST_SKIP() << "built without oneDNN";
  const auto roomy = std::make_shared<Ledger>(Ledger::kNoLimit);
  const at::Tensor weight = at::ones({64, 64, 3, 3});
  const LedgerScope scope(roomy, Kind::weights);
  const at::Tensor packed = at::mkldnn_reorder_conv2d_weight(weight.to_mkldnn(), 1, 1, 1, 1);
  EXPECT_GE(roomy->usage().of(Kind::weights), weight.nbytes());
}

}  // namespace
}  // namespace bafa::device
