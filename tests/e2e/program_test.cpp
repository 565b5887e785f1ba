// The command line as a user has it: what is written, what is said, how it ends.
#include "e2e/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>

#include "base/files.h"
#include "base/json.h"
#include "support/decode_image.h"

namespace bafa::e2e {
namespace {

using testing::HasSubstr;
using testing::Not;

Outcome generate(std::vector<std::string> arguments) {
  const auto model = tiny_model();
  arguments.insert(arguments.begin(), model.begin(), model.end());
  arguments.insert(arguments.begin(), "generate");
  return run_program(arguments);
}

Image picture(const std::filesystem::path& file) {
  return test::decode_png(read_file(file, 1 << 24));
}

TEST(Generate, PaintsTheSamePictureForTheSameSeed) {
  const TemporaryFolder folder;
  for (const char* name : {"a.png", "b.png"}) {
    const Outcome outcome =
        generate({"--seed", "7", "-o", (folder / name).string(), "a red apple"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, (folder / name).string() + " seed 7\n");
    EXPECT_EQ(outcome.err, "") << "nothing but results in a pipe: no progress bar either";
  }
  EXPECT_EQ(picture(folder / "a.png").width, 64);
  EXPECT_EQ(read_file(folder / "a.png", 1 << 24), read_file(folder / "b.png", 1 << 24));
}

TEST(Generate, NumbersSeveralPicturesAndSeedsThemInTurn) {
  const TemporaryFolder folder;
  const std::string output = (folder / "a.png").string();
  ASSERT_EQ(generate({"--seed", "7", "--count", "3", "-o", output, "--", "-a prompt"}).exit_code,
            0);
  const std::string alone = (folder / "alone.png").string();
  ASSERT_EQ(generate({"--seed", "9", "-o", alone, "--", "-a prompt"}).exit_code, 0);
  EXPECT_GE(test::psnr(picture(folder / "a-2.png"), picture(alone)), 55);
  EXPECT_LT(test::psnr(picture(folder / "a-0.png"), picture(alone)), 55);
}

TEST(Generate, WritesOtherFormatsAndStandardOutput) {
  const TemporaryFolder folder;
  ASSERT_EQ(generate({"-o", (folder / "a.webp").string(), "一只戴帽子的猫"}).exit_code, 0);
  EXPECT_EQ(test::decode_webp(read_file(folder / "a.webp", 1 << 24)).height, 64);
  const Outcome piped = generate({"-o", "-", "--size", "96x64", "--seed", "5", "x"});
  EXPECT_EQ(test::decode_png(piped.out).width, 96);
  EXPECT_THAT(piped.err, HasSubstr("seed 5"));
}

TEST(Generate, TracesEveryStage) {
  const TemporaryFolder folder;
  const std::string file = (folder / "t.safetensors").string();
  const Outcome outcome = generate(
      {"--trace", file, "--steps", "3", "--seed", "7", "-o", (folder / "a.png").string(), "apple"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const std::string bytes = read_file(file, 1 << 26);
  std::uint64_t header_bytes = 0;
  bytes.copy(reinterpret_cast<char*>(&header_bytes), sizeof(header_bytes));
  const Json header = parse_json(bytes.substr(8, header_bytes));
  for (const char* name : {"token_ids", "prompt_embeds", "noise", "sigmas", "timesteps",
                           "prediction.1", "prediction.3", "latents.3", "decoded"}) {
    EXPECT_TRUE(header.contains(name)) << name;
  }
  EXPECT_FALSE(header.contains("latents.4"));
  EXPECT_EQ(header["decoded"]["shape"], Json({3, 64, 64}));
  for (const char* key : {"model", "prompt", "seed", "size", "steps", "guidance", "sampler",
                          "dtype", "device", "version"}) {
    EXPECT_TRUE(header["__metadata__"].contains(key)) << key;
  }
}

TEST(Generate, NamesTheOptionThatIsWrong) {
  for (const auto& [arguments, text] :
       {std::pair<std::vector<std::string>, std::string>{{"--size", "99999x64", "x"}, "--size"},
        {{"--size", "63x64", "x"}, "--size"},
        {{"--steps", "0", "x"}, "--steps is 0; it must be from 1 to"},
        {{"--count", "1000", "x"}, "--count"},
        {{"--seed", "-1", "x"}, "--seed"},
        {{"--guidance", "nan", "x"}, "--guidance"},
        {{"--sampler", "none", "x"}, "--sampler must be one of"},
        {{"-o", "apple.gif", "x"}, "-o"}}) {
    const Outcome outcome = generate(arguments);
    EXPECT_EQ(outcome.exit_code, 2) << text;
    EXPECT_THAT(outcome.err, HasSubstr(text));
  }
}

TEST(ExitCode, TellsTheKindOfFailure) {
  const TemporaryFolder folder;
  EXPECT_EQ(run_program({"paint"}).exit_code, 2);
  EXPECT_EQ(run_program({"serve", "--set", "queue.size=3"}).exit_code, 3);
  EXPECT_EQ(run_program({"generate", "--model", folder.path().string(), "x"}).exit_code, 4);
  EXPECT_EQ(run_program({"generate", "--model", "/nowhere/model", "x"}).exit_code, 4);
  EXPECT_EQ(
      run_program({"serve", "--model", folder.path().string(), "--port", "0", "--admin-port", "0"})
          .exit_code,
      4);
  EXPECT_EQ(generate({"-o", (folder / "no/such/folder.png").string(), "x"}).exit_code, 6);
}

TEST(ExitCode, OfAPublicAddressWithoutKeysIsConfiguration) {
  std::vector<std::string> arguments = tiny_model();
  arguments.insert(arguments.begin(),
                   {"serve", "--host", "0.0.0.0", "--port", "0", "--admin-port", "0"});
  const Outcome outcome = run_program(arguments);
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.err, HasSubstr("--keys"));
}

TEST(ExitCode, OfAWrongOptionComesBeforeTheModelIsLoaded) {
  const TemporaryFolder folder;
  write_file(folder / "keys.json", "{");
  for (const auto& [options, code] :
       {std::pair<std::vector<std::string>, int>{{"--host", "300.1.1.1"}, 3},
        {{"--keys", (folder / "none.json").string()}, 6},
        {{"--keys", (folder / "keys.json").string()}, 3},
        {{"--trust-proxy", "10.0.0.0/33"}, 3},
        {{"--allow-origin", "not an origin"}, 3},
        {{"--allow-host", "http://a/b"}, 3},
        {{"--device", "cuda:x"}, 3},
        {{"--budget", "0.1MiB"}, 3},
        {{"--state-dir", "/dev/null/x"}, 6},
        {{"--set", "log.file=/dev/null/x"}, 6},
        {{"--set", "memory.host_folder=/dev/null/x"}, 3},
        {{"--set", "transport.max_connections=1000000"}, 3}}) {
    std::vector<std::string> arguments = {"serve", "--port", "0", "--admin-port", "0"};
    for (const auto& more : {tiny_model(), options}) {
      arguments.insert(arguments.end(), more.begin(), more.end());
    }
    const Outcome outcome = run_program(arguments);
    EXPECT_EQ(outcome.exit_code, code) << options[1] << ": " << outcome.err;
    EXPECT_THAT(outcome.err, Not(HasSubstr("model_loaded"))) << options[1];
  }
}

TEST(ExitCode, OfAPortThatIsTakenIsInputOutput) {
  const ServerProgram first;
  const std::string taken = std::to_string(first.port());
  for (const auto& [port, admin_port] : {std::pair{taken, std::string("0")}, {"0", taken}}) {
    std::vector<std::string> arguments = tiny_model();
    arguments.insert(arguments.begin(), {"serve", "--port", port, "--admin-port", admin_port});
    const Outcome second = run_program(arguments);
    EXPECT_EQ(second.exit_code, 6);
    EXPECT_THAT(second.err, HasSubstr(taken));
    EXPECT_THAT(second.err, Not(HasSubstr("model_loaded")));
  }
}

TEST(Models, DescribesAFolder) {
  const Outcome outcome = run_program({"models", "--json", "tests/golden/data/alt_diffusion"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const Json model = parse_json(outcome.out);
  EXPECT_EQ(model["family"], "AltDiffusionPipeline");
  EXPECT_EQ(model["refusal"], "");
  EXPECT_GE(model["components"].size(), 3u);
  EXPECT_GT(model["needs_bytes"]["least"], 0);
  EXPECT_GT(model["needs_bytes"]["resident"], model["needs_bytes"]["least"]);
}

TEST(Tokenize, AnswersALineForALine) {
  std::vector<std::string> arguments = tiny_model();
  arguments.insert(arguments.begin(), "tokenize");
  const Outcome outcome = run_program(arguments, "\"a red apple\"\n\"\"\n\"\\u732b\"\n");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  std::istringstream lines(outcome.out);
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const Json ids = parse_json(line);
    EXPECT_EQ(ids.front(), 0) << "the first special token";
    EXPECT_EQ(ids.back(), 2) << "the last one";
  }
  EXPECT_EQ(count, 3);
  EXPECT_EQ(run_program(arguments, "\"good\"\nnot json\n").exit_code, 2);
}

TEST(Bench, PrintsOneJsonLine) {
  std::vector<std::string> arguments = tiny_model();
  arguments.insert(arguments.begin(), {"bench", "--json", "--repeat", "2", "--batch", "2"});
  const Outcome outcome = run_program(arguments);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const Json figures = parse_json(outcome.out);
  EXPECT_EQ(figures["batch"], 2);
  EXPECT_EQ(figures["size"], "64x64");
  EXPECT_EQ(figures["dtype"], "fp32");
  for (const char* key :
       {"load_ms", "encode_ms", "forward_ms", "decode_ms", "png_ms", "total_ms"}) {
    EXPECT_GT(figures[key], 0) << key;
  }
}

}  // namespace
}  // namespace bafa::e2e
