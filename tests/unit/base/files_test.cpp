#include "base/files.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>

#include "bafa/error.h"
#include "support/file_size_limit.h"

namespace bafa {
namespace {

namespace fs = std::filesystem;

class Files : public testing::Test {
 protected:
  Files() : folder_(fs::path(testing::TempDir()) / ("bafa-files-" + std::to_string(::getpid()))) {
    fs::create_directories(folder_);
  }
  ~Files() override { fs::remove_all(folder_); }

  const fs::path folder_;
};

template <typename Action>
Error error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  return {ErrorCode::internal, "nothing was refused"};
}

TEST_F(Files, ReadWhatWasWritten) {
  const std::string bytes("a\0b\n", 4);
  write_file(folder_ / "x", bytes);
  EXPECT_EQ(read_file(folder_ / "x", 4), bytes);
  write_file(folder_ / "x", "shorter");
  EXPECT_EQ(read_file(folder_ / "x", 100), "shorter");
}

TEST_F(Files, LeaveNoTemporaryFileBehind) {
  write_file(folder_ / "x", "1");
  EXPECT_EQ(error_of([&] { write_file(folder_ / "no" / "x", "1"); }).code(), ErrorCode::io_error);
  fs::create_directory(folder_ / "folder");
  EXPECT_EQ(error_of([&] { write_file(folder_ / "folder", "1"); }).code(), ErrorCode::io_error);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 2);
}

TEST_F(Files, AreForTheirOwnerAloneWhenAskedTo) {
  const mode_t before = ::umask(0);
  write_file(folder_ / "private", "1", Readers::owner);
  write_file(folder_ / "usual", "1");
  make_private_folder(folder_ / "a" / "b");
  ::umask(before);
  EXPECT_EQ(fs::status(folder_ / "private").permissions(), fs::perms(0600));
  EXPECT_EQ(fs::status(folder_ / "usual").permissions(), fs::perms(0666));
  EXPECT_EQ(fs::status(folder_ / "a" / "b").permissions(), fs::perms(0700));
}

TEST_F(Files, AFolderThatCannotBeMadeIsNamed) {
  write_file(folder_ / "file", "1");
  const Error error = error_of([&] { make_private_folder(folder_ / "file" / "folder"); });
  EXPECT_EQ(error.code(), ErrorCode::io_error);
  EXPECT_THAT(error.what(), testing::HasSubstr((folder_ / "file").string()));
}

TEST_F(Files, ALockIsHeldByOneUntilItGoes) {
  {
    const FileLock lock(folder_ / "lock");
    EXPECT_EQ(error_of([&] { const FileLock second(folder_ / "lock"); }).code(),
              ErrorCode::io_error);
  }
  const FileLock again(folder_ / "lock");
}

TEST_F(Files, WithoutRoomAreADiskThatIsFull) {
  const test::FileSizeLimit no_room(10);
  const Error error = error_of([&] { write_file(folder_ / "x", std::string(100, 'x')); });
  EXPECT_EQ(error.code(), ErrorCode::disk_full);
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(Files, LongerThanTheLimitAreRefused) {
  write_file(folder_ / "x", std::string(100'000, 'x'));
  const Error error = error_of([&] { read_file(folder_ / "x", 99'999); });
  EXPECT_EQ(error.code(), ErrorCode::io_error);
  EXPECT_THAT(error.what(), testing::HasSubstr("longer than 99999 bytes"));
}

TEST_F(Files, ThatAreMissingAreNamedWithTheReason) {
  const Error error = error_of([&] { read_file(folder_ / "absent", 1); });
  EXPECT_EQ(error.param(), (folder_ / "absent").string());
  EXPECT_THAT(error.what(), testing::HasSubstr("No such file"));
}

TEST_F(Files, ReplaceWhatALinkNamesAndKeepTheLink) {
  write_file(folder_ / "target", "old");
  fs::create_symlink("target", folder_ / "link");
  write_file(folder_ / "link", "new");
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
  EXPECT_EQ(read_file(folder_ / "target", 10), "new");
}

TEST_F(Files, ThatAreDevicesAreWrittenNotReplaced) {
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  // Both ends in one descriptor, so that neither open waits for the other.
  const int held = ::open((folder_ / "pipe").c_str(), O_RDWR);
  ASSERT_GE(held, 0);
  write_file(folder_ / "pipe", "through");
  std::string got(7, ' ');
  EXPECT_EQ(::read(held, got.data(), got.size()), 7);
  EXPECT_EQ(got, "through");
  EXPECT_TRUE(fs::is_fifo(folder_ / "pipe"));
  ::close(held);
}

TEST_F(Files, AreMappedWhole) {
  write_file(folder_ / "x", "mapped");
  MappedFile first(folder_ / "x");
  const MappedFile file(std::move(first));
  ASSERT_EQ(file.bytes().size(), 6u);
  EXPECT_EQ(static_cast<char>(file.bytes()[5]), 'd');
  EXPECT_TRUE(first.bytes().empty());  // NOLINT(bugprone-use-after-move): what a move leaves
}

// Bytes of files that this process has in memory.
std::int64_t mapped_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t total = 0;
  std::int64_t resident = 0;
  std::int64_t shared = 0;
  statm >> total >> resident >> shared;
  return shared * ::sysconf(_SC_PAGESIZE);
}

std::size_t count_x(std::span<const std::byte> bytes) {
  return static_cast<std::size_t>(std::ranges::count(bytes, std::byte{'x'}));
}

TEST_F(Files, ThatAreForgottenTakeNoMemoryAndAreReadAgain) {
  constexpr std::int64_t kBytes = 16 << 20;
  write_file(folder_ / "x", std::string(kBytes, 'x'));
  const MappedFile file(folder_ / "x");
  EXPECT_EQ(count_x(file.bytes()), std::size_t{kBytes});
  const std::int64_t before = mapped_bytes();
  MappedFile::forget(file.bytes().subspan(1));
  EXPECT_LT(mapped_bytes(), before - kBytes / 2);
  EXPECT_EQ(count_x(file.bytes()), std::size_t{kBytes});
  MappedFile::forget(file.bytes().subspan(5, 10));
  MappedFile::forget({});
}

TEST_F(Files, ThatAreEmptyMapToNothing) {
  write_file(folder_ / "empty", "");
  EXPECT_TRUE(MappedFile(folder_ / "empty").bytes().empty());
}

TEST_F(Files, ThatAreFoldersAreNotMapped) {
  EXPECT_EQ(error_of([&] { MappedFile file(folder_); }).code(), ErrorCode::io_error);
}

}  // namespace
}  // namespace bafa
