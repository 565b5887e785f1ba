#include "serve/store/result_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <numeric>
#include <string>

#include "bafa/error.h"
#include "support/file_size_limit.h"
#include "support/temporary_folder.h"

namespace bafa::serve {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

JobResult two_pictures() {
  JobResult result;
  for (const int side : {2, 3}) {
    Image image{.width = side, .height = 2, .rgb = {}};
    image.rgb.resize(static_cast<std::size_t>(side) * 2 * 3);
    std::iota(image.rgb.begin(), image.rgb.end(), static_cast<std::uint8_t>(side));
    result.images.push_back(image);
  }
  result.indices = {1, 3};
  return result;
}

int mode_of(const fs::path& path) {
  struct stat info{};
  EXPECT_EQ(::stat(path.c_str(), &info), 0);
  return static_cast<int>(info.st_mode & 0777);
}

class ResultFilesTest : public testing::Test {
 protected:
  ErrorCode code_of_read(const JobId& id) {
    try {
      files_.read(id);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::internal;
  }

  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder_.path() / "state" / "results")) {
      found.push_back(entry.path().filename());
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  const test::TemporaryFolder folder_;
  ResultFiles files_{folder_.path() / "state"};
};

TEST_F(ResultFilesTest, ReadsWhatWasWritten) {
  const JobResult written = two_pictures();
  const std::uint64_t bytes = files_.write("a", written);
  const auto read = files_.read("a");
  ASSERT_NE(read, nullptr);
  EXPECT_THAT(read->indices, ElementsAre(1, 3));
  ASSERT_EQ(read->images.size(), 2u);
  EXPECT_EQ(read->images[1].width, 3);
  EXPECT_EQ(read->images[1].height, 2);
  EXPECT_EQ(read->images[0].rgb, written.images[0].rgb);
  EXPECT_EQ(read->images[1].rgb, written.images[1].rgb);
  EXPECT_EQ(bytes, fs::file_size(folder_.path() / "state" / "results" / "a.rgb"));
}

TEST_F(ResultFilesTest, AreTheirOwnersAloneWhateverTheUmask) {
  const mode_t before = ::umask(0);
  const ResultFiles files(folder_.path() / "other");
  files.write("a", two_pictures());
  ::umask(before);
  EXPECT_EQ(mode_of(folder_.path() / "other" / "results"), 0700);
  EXPECT_EQ(mode_of(folder_.path() / "other" / "results" / "a.rgb"), 0600);
}

TEST_F(ResultFilesTest, CloseAFolderThatWasOpenToOthers) {
  const fs::path results = folder_.path() / "open" / "results";
  fs::create_directories(results);
  fs::permissions(results, fs::perms::all);
  const ResultFiles files(folder_.path() / "open");
  EXPECT_EQ(mode_of(results), 0700);
}

TEST_F(ResultFilesTest, KnowWhatAnEarlierProcessLeft) {
  EXPECT_TRUE(files_.leftovers().empty());
  folder_.write("old/results/0123.rgb", "x");
  folder_.write("old/results/4567.rgb.part-9", "x");
  const ResultFiles files(folder_.path() / "old");
  ASSERT_EQ(files.leftovers().size(), 2u);
  for (const fs::path& file : files.leftovers()) files.remove(file);
  EXPECT_FALSE(fs::exists(folder_.path() / "old/results/0123.rgb"));
  EXPECT_FALSE(fs::exists(folder_.path() / "old/results/4567.rgb.part-9"));
}

TEST_F(ResultFilesTest, BelongToOneProcess) {
  try {
    const ResultFiles second(folder_.path() / "state");
    FAIL() << "two have it";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::io_error);
    EXPECT_THAT(error.what(), HasSubstr("another process uses"));
  }
}

TEST_F(ResultFilesTest, LeaveNothingBehindWhenThereIsNoRoom) {
  {
    const test::FileSizeLimit no_room(100);
    try {
      JobResult large;
      large.images = {{.width = 10, .height = 10, .rgb = std::vector<std::uint8_t>(300)}};
      large.indices = {0};
      files_.write("a", large);
      FAIL() << "there was room";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::disk_full);
    }
  }
  EXPECT_THAT(names(), ElementsAre("lock"));
  EXPECT_GT(files_.write("a", two_pictures()), 0u);
}

TEST_F(ResultFilesTest, ComeBackWhenTheirFolderWasRemoved) {
  fs::remove_all(folder_.path() / "state");
  files_.write("a", two_pictures());
  EXPECT_NE(files_.read("a"), nullptr);
}

TEST_F(ResultFilesTest, RefuseWhatIsNotAWholeFile) {
  const std::string header = R"({"version":1,"images":[{"width":1,"height":2,"index":0}]})"
                             "\n";
  const auto put = [&](std::string_view text) { folder_.write("state/results/a.rgb", text); };
  put(header + "123456");
  EXPECT_NE(files_.read("a"), nullptr);
  for (const std::string& broken :
       {std::string(), std::string("no line"), header, header + "12345", header + "1234567",
        std::string("{}\n"), std::string("{\"version\":2,\"images\":[]}\n"),
        std::string(R"({"version":1,"images":[{"width":-1,"height":2,"index":0}]})"
                    "\n123456"),
        std::string(R"({"version":1,"images":[{"width":1,"index":0}]})"
                    "\n123456")}) {
    put(broken);
    EXPECT_EQ(code_of_read("a"), ErrorCode::io_error) << broken;
  }
}

TEST_F(ResultFilesTest, AreGoneWhenRemovedOnceOrTwice) {
  files_.write("a", two_pictures());
  files_.remove(JobId("a"));
  files_.remove(JobId("a"));
  EXPECT_EQ(files_.read("a"), nullptr);
  EXPECT_THAT(names(), ElementsAre("lock"));
}

}  // namespace
}  // namespace bafa::serve
