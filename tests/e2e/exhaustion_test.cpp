// The real program when something runs out or is pulled away under it: descriptors, places of one
// address, its weights on the disk; and clients that cancel as fast as they can.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/times.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "e2e/http_client.h"
#include "e2e/program.h"

namespace bafa::e2e {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Connections = std::vector<std::unique_ptr<RawConnection>>;

constexpr const char* kGenerations = "/v1/images/generations";
constexpr const char* kApple = R"({"prompt":"a red apple","seed":7,"steps":2})";

// Of the running program, in force at once.
void limit_descriptors(pid_t process, rlim_t count) {
  const rlimit limit{count, count};
  ASSERT_EQ(::prlimit(process, RLIMIT_NOFILE, &limit, nullptr), 0);
}

std::size_t open_descriptors(pid_t process) {
  const fs::path folder = "/proc/" + std::to_string(process) + "/fd";
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

// User and system time that the program has used, in seconds.
double used_seconds(pid_t process) {
  std::ifstream stat("/proc/" + std::to_string(process) + "/stat");
  std::string field;
  for (int i = 0; i < 13; ++i) stat >> field;
  long user = 0;
  long system = 0;
  stat >> user >> system;
  return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

Json parsed(const Answer& answer) { return parse_json(answer.body, {.max_bytes = 1 << 26}); }

TEST(Exhaustion, OfDescriptorsIsSurvivedWithoutSpinning) {
  ServerProgram server;
  ASSERT_EQ(post(server.port(), kGenerations, kApple).status, 200);
  limit_descriptors(server.process(), open_descriptors(server.process()) + 10);
  {
    Connections many;
    for (int i = 0; i < 40; ++i) many.push_back(std::make_unique<RawConnection>(server.port()));
    ASSERT_TRUE(
        eventually([&] { return server.log().find("accept_paused") != std::string::npos; }));
    const double before = used_seconds(server.process());
    std::this_thread::sleep_for(2s);
    EXPECT_LT(used_seconds(server.process()) - before, 0.25) << "it looks again, but not in a loop";
  }
  EXPECT_TRUE(eventually([&] { return get(server.port(), "/livez").status == 200; }));
  EXPECT_EQ(post(server.port(), kGenerations, kApple).status, 200);
  EXPECT_TRUE(server.running());
}

TEST(Exhaustion, OfOneAddressesPlacesLeavesOthersTheirs) {
  const ServerProgram server({"--set", "transport.max_connections_per_address=8", "--set",
                              "transport.header_timeout_seconds=300", "--log-level", "error"});
  const std::size_t before = open_descriptors(server.process());
  Connections greedy;
  for (int i = 0; i < 60; ++i) {
    greedy.push_back(std::make_unique<RawConnection>(server.port(), "127.0.0.9"));
    greedy.back()->send("G");
  }
  EXPECT_EQ(get(server.port(), "/v1/queue").status, 200) << "from another address";
  EXPECT_TRUE(eventually([&] { return open_descriptors(server.process()) <= before + 8; }));
  EXPECT_TRUE(greedy.back()->is_silent()) << "the newest is still awaited";
}

TEST(Exhaustion, ByCancelsDoesNotHappen) {
  ServerProgram server(
      {"--set", "limits.max_steps=1000", "--queue-capacity", "100", "--log-level", "error"});
  const std::string slow = R"({"prompt":"slow","steps":1000,"seed":1})";
  const auto id = [&] {
    return parsed(post(server.port(), "/v1/jobs", slow))["id"].get<std::string>();
  };
  const std::string victim = "/v1/jobs/" + id();
  const std::string bystander = "/v1/jobs/" + id();
  std::string burst;
  for (int i = 0; i < 500; ++i) {
    burst += "DELETE " + (i % 2 == 0 ? victim : "/v1/jobs/none" + std::to_string(i)) +
             " HTTP/1.1\r\nHost: localhost\r\n" + (i == 499 ? "Connection: close\r\n" : "") +
             "\r\n";
  }
  std::vector<std::thread> clients;
  std::vector<std::string> answers(20);
  for (std::string& answer : answers) {
    clients.emplace_back([&] {
      RawConnection client(server.port());
      client.send(burst);
      answer = client.read_to_end();
    });
  }
  for (int i = 0; i < 5; ++i) {
    const auto before = std::chrono::steady_clock::now();
    EXPECT_EQ(get(server.port(), "/livez").status, 200);
    EXPECT_LT(std::chrono::steady_clock::now() - before, 2s);
  }
  for (std::thread& client : clients) client.join();
  for (const std::string& answer : answers) {
    std::size_t found = 0;
    std::size_t unknown = 0;
    for (std::size_t at = 0; (at = answer.find("HTTP/1.1 ", at)) != std::string::npos; ++at) {
      found += answer.compare(at + 9, 3, "200") == 0;
      unknown += answer.compare(at + 9, 3, "404") == 0;
    }
    EXPECT_EQ(found, 250u);
    EXPECT_EQ(unknown, 250u);
  }
  EXPECT_EQ(parsed(get(server.port(), victim))["status"], "canceled");
  EXPECT_TRUE(eventually([&] {
    return parsed(get(server.port(), bystander))["status"] == "running";
  })) << "nobody cancelled it";
  EXPECT_EQ(remove(server.port(), bystander).status, 200);
  EXPECT_EQ(post(server.port(), kGenerations, kApple).status, 200);
}

// What is painted with was copied when it was loaded.
TEST(Exhaustion, WeightsThatAreReplacedOrCutOffChangeNoPicture) {
  const TemporaryFolder folder;
  const fs::path model = folder / "model";
  fs::copy("tests/golden/data/alt_diffusion", model, fs::copy_options::recursive);
  for (const char* budget : {"0", "8MiB"}) {
    ServerProgram server({"--set", "model.path=" + model.string(), "--budget", budget});
    const Answer before = post(server.port(), kGenerations, kApple, {{"Accept", "image/png"}});
    ASSERT_EQ(before.status, 200) << before.body;
    for (const char* file :
         {"unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors",
          "text_encoder/model.safetensors"}) {
      fs::copy_file(model / file, folder / "other");
      fs::resize_file(model / file, 100);
      fs::rename(folder / "other", model / file);
    }
    const Answer after = post(server.port(), kGenerations, kApple, {{"Accept", "image/png"}});
    EXPECT_EQ(after.status, 200) << after.body;
    EXPECT_EQ(after.body, before.body);
    EXPECT_TRUE(server.running());
  }
}

}  // namespace
}  // namespace bafa::e2e
