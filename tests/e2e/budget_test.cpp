// A memory budget as a user gives it: what fits is painted as ever, what does not is refused with
// the amount that would do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <tuple>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "e2e/http_client.h"
#include "e2e/program.h"

namespace bafa::e2e {
namespace {

using testing::HasSubstr;

Outcome generate(const std::vector<std::string>& options, const std::filesystem::path& output) {
  std::vector<std::string> arguments = tiny_model();
  arguments.insert(arguments.begin(), {"generate", "--seed", "3", "-o", output.string()});
  arguments.insert(arguments.end(), options.begin(), options.end());
  arguments.emplace_back("a red apple");
  return run_program(arguments);
}

TEST(Budget, ThatIsTooSmallIsRefusedWithOneThatWouldDo) {
  const TemporaryFolder folder;
  const Outcome refused = generate({"--budget", "100kB"}, folder / "a.png");
  EXPECT_EQ(refused.exit_code, 7);
  EXPECT_THAT(refused.err, HasSubstr("does not fit into 97.7 KiB"));
  std::smatch found;
  ASSERT_TRUE(std::regex_search(refused.err, found, std::regex("--budget ([0-9]+MiB) would do")))
      << refused.err;
  const Outcome enough = generate({"--budget", found[1]}, folder / "a.png");
  EXPECT_EQ(enough.exit_code, 0) << enough.err;
  ASSERT_EQ(generate({}, folder / "b.png").exit_code, 0);
  EXPECT_EQ(read_file(folder / "a.png", 1 << 24), read_file(folder / "b.png", 1 << 24));
}

TEST(Budget, OfAServerRefusesWhatCanNeverFitAndShowsItsPlan) {
  const ServerProgram server({"--budget", "1MiB", "--explain"});
  const Answer large =
      post(server.port(), "/v1/images/generations", R"({"prompt":"x","size":"256x256"})");
  EXPECT_EQ(large.status, 400) << large.body;
  EXPECT_THAT(large.body, HasSubstr("256x256 takes at least"));
  EXPECT_THAT(large.body, HasSubstr("may use 1.0 MiB"));
  const Answer small = post(server.port(), "/v1/images/generations", R"({"prompt":"x","seed":1})");
  EXPECT_EQ(small.status, 200) << small.body;
  const Json memory = parse_json(get(server.admin_port(), "/admin/memory").body);
  EXPECT_EQ(memory["budget_bytes"], 1 << 20);
  EXPECT_LE(memory["peak_bytes"].get<std::uint64_t>(), 1u << 20);
  EXPECT_GT(memory["peak_bytes"].get<std::uint64_t>(), 100u << 10);
}

TEST(Budget, ThatMakesComponentsTakeTurnsIsExplained) {
  const ServerProgram server({"--budget", "2MiB", "--explain", "--set", "memory.level=turns"});
  ASSERT_EQ(post(server.port(), "/v1/images/generations", R"({"prompt":"x","seed":1})").status,
            200);
  EXPECT_THAT(server.log(), HasSubstr("memory.moved weights=text_encoder move=leaves"));
  EXPECT_THAT(server.log(), HasSubstr("memory.moved weights=unet move=comes"));
  const Json memory = parse_json(get(server.admin_port(), "/admin/memory").body);
  for (const Json& part : memory["components"]) {
    EXPECT_EQ(part["placement"], "takes turns");
    EXPECT_GT(part["copied_bytes"].get<std::uint64_t>(), 0u);
  }
}

TEST(DeviceMap, OfAServerIsShownToItsOperator) {
  const ServerProgram server({"--device-map", "encoder=cpu:1", "--device-budget", "cpu:1=4MiB"});
  ASSERT_EQ(post(server.port(), "/v1/images/generations", R"({"prompt":"x","seed":1})").status,
            200);
  const Json memory = parse_json(get(server.admin_port(), "/admin/memory").body);
  EXPECT_EQ(memory["device"], "cpu");
  ASSERT_EQ(memory["elsewhere"].size(), 1u);
  const Json& other = memory["elsewhere"][0];
  EXPECT_EQ(other["device"], "cpu:1");
  EXPECT_EQ(other["budget_bytes"], 4 << 20);
  EXPECT_EQ(other["components"][0]["component"], "text_encoder");
  EXPECT_GT(other["phases"][0]["measured_bytes"].get<std::uint64_t>(), 0u);
}

TEST(DeviceMap, ThatIsWrongIsRefusedByName) {
  const TemporaryFolder folder;
  for (const auto& [map, why, code] :
       {std::tuple{"unet=cpu", "model.device_map: there is no component unet", 3},
        {"encoder=cpu,encoder=cpu:1", "model.device_map: encoder is there twice", 3},
        {"encoder=tpu", "model.device_map: device tpu is unknown", 3},
        {"encoder=cuda:9", "model.device_map: ", 5}}) {
    const Outcome refused = generate({"--device-map", map}, folder / "a.png");
    EXPECT_EQ(refused.exit_code, code) << refused.err;
    EXPECT_THAT(refused.err, HasSubstr(why));
  }
}

}  // namespace
}  // namespace bafa::e2e
