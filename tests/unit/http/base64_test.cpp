#include "http/base64.h"

#include <gtest/gtest.h>

namespace bafa::http {
namespace {

TEST(Base64, EncodesTheVectorsOfRfc4648) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foob"), "Zm9vYg==");
  EXPECT_EQ(base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
}

TEST(Base64, TakesBytesAsUnsigned) {
  EXPECT_EQ(base64(std::string("\xff\xfe\xfd\0\x80", 5)), "//79AIA=");
}

TEST(Base64, AppendsBehindWhatIsThere) {
  std::string text = "data:";
  append_base64(text, "foo");
  EXPECT_EQ(text, "data:Zm9v");
}

}  // namespace
}  // namespace bafa::http
