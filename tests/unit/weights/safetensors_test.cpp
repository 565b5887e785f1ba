#include "weights/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <span>
#include <string>

#include "support/refused.h"
#include "weights/safetensors_writer.h"

namespace bafa::weights {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string file_of(const std::string& header, std::size_t data_bytes) {
  std::string file;
  for (int shift = 0; shift < 64; shift += 8)
    file.push_back(static_cast<char>(header.size() >> shift & 0xff));
  return file + header + std::string(data_bytes, '\x01');
}

SafetensorsHeader parse(const std::string& file) {
  return parse_safetensors(std::as_bytes(std::span(file)), "m.safetensors");
}

std::string refusal(const std::string& file) {
  const test::Refused refused = test::refused([&] { parse(file); });
  EXPECT_EQ(refused.code, ErrorCode::invalid_model);
  EXPECT_THAT(refused.message, HasSubstr("m.safetensors"));
  return refused.message;
}

TEST(Safetensors, ReadsTensorsAndMetadata) {
  const std::string header = R"({"__metadata__":{"format":"pt"},)"
                             R"("a":{"dtype":"F32","shape":[2,3],"data_offsets":[4,28]},)"
                             R"("b":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}   )";
  const SafetensorsHeader parsed = parse(file_of(header, 28));
  ASSERT_EQ(parsed.tensors.size(), 2u);
  const StoredTensor& a = parsed.tensors.at("a");
  EXPECT_EQ(a.type, StoredType::f32);
  EXPECT_THAT(a.shape, ElementsAre(2, 3));
  EXPECT_EQ(a.begin, 8 + header.size() + 4);
  EXPECT_EQ(a.end - a.begin, 24u);
  EXPECT_EQ(parsed.metadata.at("format"), "pt");
}

TEST(Safetensors, ReadsScalarsAndEmptyTensors) {
  const SafetensorsHeader parsed =
      parse(file_of(R"({"one":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
                    R"("none":{"dtype":"BF16","shape":[0,4],"data_offsets":[8,8]}})",
                    8));
  EXPECT_TRUE(parsed.tensors.at("one").shape.empty());
  EXPECT_EQ(parsed.tensors.at("none").begin, parsed.tensors.at("none").end);
}

TEST(Safetensors, ReadsBackWhatTheWriterWrites) {
  const std::array<float, 2> values{1.5f, -2.0f};
  const std::array<TensorToWrite, 1> tensors{{{.name = "x",
                                               .type = StoredType::f32,
                                               .shape = {2},
                                               .bytes = std::as_bytes(std::span(values))}}};
  const std::string file = safetensors_file(tensors, {{"prompt", "a \xff 猫"}});
  const SafetensorsHeader parsed = parse(file);
  const StoredTensor& x = parsed.tensors.at("x");
  EXPECT_EQ(x.begin % 8, 0u);
  EXPECT_EQ(std::string_view(file).substr(x.begin, 8),
            std::string_view(reinterpret_cast<const char*>(values.data()), 8));
  EXPECT_EQ(parsed.metadata.at("prompt"), "a \xEF\xBF\xBD 猫");
}

TEST(Safetensors, RefusesFilesThatAreTooShort) {
  EXPECT_THAT(refusal(""), HasSubstr("too short"));
  EXPECT_THAT(refusal("1234567"), HasSubstr("too short"));
}

TEST(Safetensors, RefusesHeaderLengthsBeyondTheFile) {
  EXPECT_THAT(refusal(std::string("\x09\0\0\0\0\0\0\0{}      ", 16)), HasSubstr("cut off"));
  EXPECT_THAT(refusal(std::string(8, '\xff') + "{}"), HasSubstr("18446744073709551615"));
}

TEST(Safetensors, RefusesHeadersThatAreNoObject) {
  for (const char* header : {"", "[]", "{", "{}x", "1", "null"}) refusal(file_of(header, 0));
}

TEST(Safetensors, RefusesATensorTwice) {
  const std::string a = R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  refusal(file_of("{" + a + "," + a + "}", 1));
}

// Each `shape` and `offsets` with 8 bytes of data.
std::string refusal_of_tensor(const std::string& type, const std::string& shape,
                              const std::string& offsets) {
  return refusal(file_of(
      R"({"a":{"dtype":)" + type + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}",
      8));
}

TEST(Safetensors, RefusesOffsetsOutsideTheFile) {
  EXPECT_THAT(refusal_of_tensor(R"("F32")", "[3]", "[0,12]"), HasSubstr("byte 12 of 8"));
  EXPECT_THAT(refusal_of_tensor(R"("F32")", "[2]", "[8,0]"), HasSubstr("data_offsets"));
  EXPECT_THAT(refusal_of_tensor(R"("F32")", "[2]", "[-8,0]"), HasSubstr("data_offsets"));
  EXPECT_THAT(refusal_of_tensor(R"("F32")", "[2]", "[0,8,16]"), HasSubstr("data_offsets"));
  EXPECT_THAT(refusal_of_tensor(R"("F32")", "[2]", "[0]"), HasSubstr("data_offsets"));
  refusal_of_tensor(R"("F32")", "[2]", "[0,18446744073709551615]");
  refusal_of_tensor(R"("F32")", "[2]", "[0,8.0]");
}

TEST(Safetensors, RefusesShapesThatDoNotFitTheirBytes) {
  EXPECT_THAT(refusal_of_tensor(R"("F32")", "[3]", "[0,8]"), HasSubstr("12"));
  EXPECT_THAT(refusal_of_tensor(R"("F16")", "[2]", "[0,8]"), HasSubstr("need 4"));
  EXPECT_THAT(refusal_of_tensor(R"("F32")", "[-2]", "[0,8]"), HasSubstr("impossible shape"));
}

TEST(Safetensors, RefusesShapesWhoseProductOverflows) {
  EXPECT_THAT(refusal_of_tensor(R"("F32")", "[4611686018427387904,4]", "[0,0]"),
              HasSubstr("impossible shape"));
  EXPECT_THAT(refusal_of_tensor(R"("U8")", "[4294967296,4294967296]", "[0,0]"),
              HasSubstr("impossible shape"));
  EXPECT_THAT(refusal_of_tensor(R"("F64")", "[2305843009213693952]", "[0,8]"),
              HasSubstr("impossible shape"));
}

TEST(Safetensors, RefusesUnknownTypesAndFields) {
  EXPECT_THAT(refusal_of_tensor(R"("F4")", "[2]", "[0,8]"), HasSubstr("F4"));
  EXPECT_THAT(refusal_of_tensor("1", "[2]", "[0,8]"), HasSubstr("dtype"));
  EXPECT_THAT(refusal_of_tensor(R"("F32")", R"(["2"])", "[0,8]"), HasSubstr("shape"));
  EXPECT_THAT(refusal(file_of(R"({"a":{"dtype":"U8","shape":[]}})", 1)), HasSubstr("data_offsets"));
  EXPECT_THAT(
      refusal(file_of(R"({"a":{"dtype":"U8","shape":[],"data_offsets":[0,1],"more":1}})", 1)),
      HasSubstr("more"));
}

TEST(Safetensors, RefusesOverlapsHolesAndLeftOvers) {
  const auto two = [](const char* first, const char* second, std::size_t bytes) {
    return file_of(std::string(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)") + first +
                       R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + second + "}}",
                   bytes);
  };
  EXPECT_EQ(parse(two("[0,4]", "[4,8]", 8)).tensors.size(), 2u);
  EXPECT_THAT(refusal(two("[0,4]", "[3,7]", 7)), HasSubstr("overlap"));
  EXPECT_THAT(refusal(two("[0,4]", "[0,4]", 4)), HasSubstr("overlap"));
  EXPECT_THAT(refusal(two("[0,4]", "[5,9]", 9)), HasSubstr("hole"));
  EXPECT_THAT(refusal(two("[1,5]", "[5,9]", 9)), HasSubstr("hole"));
  EXPECT_THAT(refusal(two("[0,4]", "[4,8]", 9)), HasSubstr("left over"));
}

TEST(Safetensors, RefusesMetadataThatIsNotText) {
  EXPECT_THAT(refusal(file_of(R"({"__metadata__":{"a":1}})", 0)), HasSubstr("__metadata__"));
  EXPECT_THAT(refusal(file_of(R"({"__metadata__":[]})", 0)), HasSubstr("__metadata__"));
}

// A damaged download must be an error at every length, never a crash.
TEST(Safetensors, RefusesAWholeFileCutAnywhere) {
  const std::string whole = file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8);
  for (std::size_t length = 0; length < whole.size(); ++length) refusal(whole.substr(0, length));
}

}  // namespace
}  // namespace bafa::weights
