#include "pipeline/block_stream.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "bafa/error.h"
#include "device/counting_allocator.h"
#include "support/refused.h"

namespace bafa::pipeline {
namespace {

using memory::Kind;
using memory::Ledger;
using weights::Arrival;
using weights::Component;
using weights::Group;
using weights::Weight;

constexpr std::uint64_t kBlockBytes = 400;

// Five blocks of one weight each, all away.
class Blocks : public testing::Test {
 protected:
  Blocks() {
    device::install_counting_allocator();
    for (int i = 0; i < 5; ++i) {
      const std::string name = "layers." + std::to_string(i);
      weights_.push_back(component_.add(name + ".weight", at::full({100}, i, at::kFloat)));
      blocks_.push_back(&component_.group(name));
    }
  }

  std::unique_ptr<BlockStream> stream(Prefetch prefetch = Prefetch::next_block) {
    auto made = std::make_unique<BlockStream>(blocks_, ledger_);
    made->set_prefetch(prefetch);
    return made;
  }

  float use(int block) { return weights_[static_cast<std::size_t>(block)].get()[7].item<float>(); }

  int present() const { return static_cast<int>(std::ranges::count_if(blocks_, &Group::present)); }

  device::HostStore store_{{}};
  std::shared_ptr<Ledger> ledger_ = std::make_shared<Ledger>(2 * kBlockBytes);
  Component component_{"unet", &store_, Arrival::leave};
  std::vector<Weight> weights_;
  std::vector<Group*> blocks_;
};

TEST_F(Blocks, PassThroughTwoBuffersAgainAndAgain) {
  const auto running = stream();
  for (int round = 0; round < 50; ++round) {
    for (int block = 0; block < 5; ++block) {
      EXPECT_EQ(use(block), static_cast<float>(block));
      EXPECT_EQ(use(block), static_cast<float>(block)) << "still there";
    }
  }
  EXPECT_LE(ledger_->usage().peak_bytes, 2 * kBlockBytes);
  EXPECT_EQ(ledger_->usage().refusals, 0u);
  for (const Group* block : blocks_) EXPECT_LE(block->copied_bytes(), 51 * kBlockBytes);
}

TEST_F(Blocks, ComeInWhateverOrderTheyAreUsed) {
  const auto running = stream();
  for (const int block : {3, 1, 4, 4, 0, 2, 3, 0}) {
    EXPECT_EQ(use(block), static_cast<float>(block));
    EXPECT_LE(present(), 2);
  }
}

TEST_F(Blocks, ComeOneByOneWhereTheNextIsNotKnown) {
  const auto running = stream(Prefetch::nothing);
  for (const int block : {0, 2, 4}) {
    EXPECT_EQ(use(block), static_cast<float>(block));
    EXPECT_EQ(present(), 1);
  }
}

TEST_F(Blocks, AreAwayWhenTheStreamRestsAndComeAgain) {
  auto running = stream();
  use(1);
  running->rest();
  EXPECT_EQ(present(), 0);
  EXPECT_EQ(ledger_->usage().total_bytes, 0u);
  EXPECT_EQ(use(1), 1);
  running.reset();
  EXPECT_EQ(present(), 0);
  EXPECT_FALSE(weights_[1].get().defined()) << "nobody watches";
}

TEST_F(Blocks, ThatDoNotFitAreAnErrorOfWhoeverUsesThem) {
  const auto running = stream();
  auto taken = ledger_->reserve(Kind::workspace, kBlockBytes + 1);
  EXPECT_EQ(test::refused([&] { use(0); }).code, ErrorCode::out_of_memory);
  EXPECT_EQ(present(), 0);
  taken.release();
  taken = ledger_->reserve(Kind::workspace, kBlockBytes);
  for (int block = 0; block < 5; ++block)
    EXPECT_EQ(use(block), static_cast<float>(block)) << "one buffer will do";
  taken.release();
  EXPECT_EQ(use(0), 0);
}

}  // namespace
}  // namespace bafa::pipeline
