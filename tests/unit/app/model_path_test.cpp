#include "app/model_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "bafa/error.h"
#include "base/files.h"

namespace bafa::app {
namespace {

namespace fs = std::filesystem;

class ModelPath : public testing::Test {
 protected:
  ModelPath()
      : top_(fs::canonical(testing::TempDir()) / ("bafa-models-" + std::to_string(::getpid()))) {
    fs::create_directories(top_ / "here");
    fs::create_directories(top_ / "there/models/small");
    fs::create_directories(top_ / "there/models/notes");
    write_file(top_ / "there/models/small/model_index.json", "{}");
  }
  ~ModelPath() override { fs::remove_all(top_); }

  const fs::path top_;
};

TEST_F(ModelPath, IsLookedForInOrder) {
  EXPECT_EQ(find_model("models/small", {top_ / "here", top_ / "there"}),
            top_ / "there/models/small");
  fs::create_directories(top_ / "here/models/small");
  EXPECT_EQ(find_model("models/small", {top_ / "here", top_ / "there"}),
            top_ / "here/models/small");
}

TEST_F(ModelPath, ThatIsAbsoluteIsTakenAsItIs) {
  EXPECT_EQ(find_model("/nowhere/model", {top_ / "here"}), "/nowhere/model");
}

TEST_F(ModelPath, ThatIsNowhereIsAnErrorThatSaysWhereItLooked) {
  try {
    find_model("models/absent", {top_ / "here", top_ / "there"});
    FAIL() << "a folder was found";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_model);
    EXPECT_THAT(error.what(), testing::HasSubstr((top_ / "there/models/absent").string()));
  }
}

TEST_F(ModelPath, OfShippedModelsHaveAnIndex) {
  EXPECT_THAT(shipped_models({top_ / "here", top_ / "there", top_ / "there"}),
              testing::ElementsAre(top_ / "there/models/small"));
}

TEST(ModelRoots, BeginWithTheWorkingDirectory) {
  EXPECT_EQ(model_roots().front(), fs::current_path());
}

}  // namespace
}  // namespace bafa::app
