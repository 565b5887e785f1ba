#include "device/host_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "support/refused.h"
#include "support/temporary_folder.h"

namespace bafa::device {
namespace {

using testing::HasSubstr;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string read(const HostStore& store, std::uint64_t offset, std::size_t size) {
  std::string text(size, '?');
  store.read(offset, std::as_writable_bytes(std::span(text)));
  return text;
}

TEST(HostStore, GivesBackWhatItWasGiven) {
  const test::TemporaryFolder folder;
  HostStore store({.folder = folder.path()});
  EXPECT_EQ(store.append(bytes_of("weights")), 0u);
  EXPECT_EQ(store.append(bytes_of("")), 7u);
  const std::uint64_t second = store.append(bytes_of("of a block"));
  EXPECT_EQ(read(store, second, 10), "of a block");
  EXPECT_EQ(read(store, 0, 7), "weights");
  EXPECT_EQ(store.bytes(), 17u);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << "the file has no name";
}

TEST(HostStore, RefusesMoreThanItsLimit) {
  HostStore store({.limit_bytes = 8});
  store.append(bytes_of("12345"));
  const auto refused = test::refused([&] { store.append(bytes_of("1234")); });
  EXPECT_EQ(refused.code, ErrorCode::out_of_memory);
  EXPECT_EQ(refused.param, "memory.host_limit_bytes");
  EXPECT_EQ(store.append(bytes_of("123")), 5u);
}

TEST(HostStore, NamesTheFolderThatItCannotWriteTo) {
  HostStore store({.folder = "/nowhere/at/all"});
  const auto refused = test::refused([&] { store.append(bytes_of("x")); });
  EXPECT_EQ(refused.code, ErrorCode::io_error);
  EXPECT_THAT(refused.message, HasSubstr("/nowhere/at/all"));
  EXPECT_THAT(refused.message, HasSubstr("memory.host_folder"));
}

}  // namespace
}  // namespace bafa::device
