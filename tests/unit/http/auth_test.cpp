#include "http/auth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "http/base64.h"
#include "support/manual_clock.h"
#include "support/refused.h"

namespace bafa::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kAlice = "alice-0123456789";
constexpr const char* kBob = "bob-0123456789abc";

Headers authorization(const std::string& value) {
  Headers headers;
  headers.add("Authorization", value);
  return headers;
}

Headers basic(const std::string& pair) { return authorization("Basic " + base64(pair)); }

class AuthTest : public testing::Test {
 protected:
  // The tenant's name, or "" with the refusal kept.
  std::string tenant(const Headers& headers, const std::string& address = "10.0.0.1") {
    auto result = authenticator_.authenticate(headers, address);
    if (auto* refusal = std::get_if<AuthRefusal>(&result)) {
      refusal_ = *refusal;
      return "";
    }
    return std::get<Identity>(result).tenant;
  }

  test::ManualClock clock_;
  Authenticator authenticator_{{{.name = "alice", .key = kAlice},
                                {.name = "bob",
                                 .key = kBob,
                                 .highest_priority = Priority::high,
                                 .max_active_jobs = 4,
                                 .requests_per_minute = 60}},
                               clock_};
  AuthRefusal refusal_;
};

TEST_F(AuthTest, KnowsAKeyAsBearerAndAsPassword) {
  EXPECT_EQ(tenant(authorization(std::string("Bearer ") + kAlice)), "alice");
  EXPECT_EQ(tenant(authorization(std::string("bearer   ") + kBob)), "bob");
  EXPECT_EQ(tenant(basic(std::string("anybody:") + kAlice)), "alice");
  EXPECT_EQ(tenant(basic(std::string(":") + kBob)), "bob");
}

TEST_F(AuthTest, TellsWhatAKeyMayDo) {
  const auto result = authenticator_.authenticate(authorization(std::string("Bearer ") + kBob), "");
  const Identity& bob = std::get<Identity>(result);
  EXPECT_EQ(bob.highest_priority, Priority::high);
  EXPECT_EQ(bob.max_active_jobs, 4);
}

TEST_F(AuthTest, RefusesWhoBringsNoKey) {
  const std::string key = kAlice;
  for (const Headers& headers :
       {Headers(), authorization(""), authorization(" "), authorization("Bearer"),
        authorization("Bearer "), authorization(key), authorization("Digest " + key),
        authorization("Token " + key), authorization("Bearer:" + key), authorization("Basic"),
        authorization("Basic " + key), authorization("Basic ====="), basic(key)}) {
    EXPECT_EQ(tenant(headers), "");
    EXPECT_EQ(refusal_.details.code, ErrorCode::invalid_api_key);
    EXPECT_THAT(refusal_.details.message, HasSubstr("needs an API key"));
    EXPECT_EQ(refusal_.delay, milliseconds(0)) << "that was no guess";
  }
}

TEST_F(AuthTest, RefusesKeysThatAreAlmostRight) {
  const std::string key = kAlice;
  for (const std::string& guess :
       {key + "0", key.substr(1), key + key, "A" + key.substr(1), key + "\t0", std::string("x"),
        std::string(10'000, 'a'), std::string("alice")}) {
    EXPECT_EQ(tenant(authorization("Bearer " + guess)), "") << guess.substr(0, 40);
    EXPECT_THAT(refusal_.details.message, Not(HasSubstr(guess.substr(0, 40))));
  }
}

TEST_F(AuthTest, SlowsDownWhoGuesses) {
  const Headers wrong = authorization("Bearer wrong-0123456789");
  const auto delay_of_next = [&](const std::string& address) {
    EXPECT_EQ(tenant(wrong, address), "");
    return refusal_.delay;
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(delay_of_next("10.0.0.1"), milliseconds(0)) << i;
  EXPECT_EQ(delay_of_next("10.0.0.1"), milliseconds(250));
  EXPECT_EQ(delay_of_next("10.0.0.1"), milliseconds(500));
  for (int i = 0; i < 100; ++i) EXPECT_LE(delay_of_next("10.0.0.1"), milliseconds(2000));
  EXPECT_EQ(delay_of_next("10.0.0.1"), milliseconds(2000));
  EXPECT_EQ(delay_of_next("10.0.0.2"), milliseconds(0)) << "others are not held up";
  EXPECT_EQ(tenant(authorization(std::string("Bearer ") + kAlice), "10.0.0.1"), "alice")
      << "nor is who knows the key";
  clock_.advance(std::chrono::minutes(6));
  EXPECT_EQ(delay_of_next("10.0.0.1"), milliseconds(0)) << "it is forgotten after a while";
}

TEST_F(AuthTest, RemembersABoundedNumberOfGuessers) {
  const Headers wrong = authorization("Bearer wrong-0123456789");
  for (int i = 0; i < 4096; ++i) tenant(wrong, "10.1." + std::to_string(i));
  EXPECT_EQ(tenant(wrong, "10.2.0.0"), "");
  EXPECT_EQ(refusal_.delay, milliseconds(2000)) << "many attack at once";
  clock_.advance(std::chrono::minutes(6));
  tenant(wrong, "10.2.0.0");
  EXPECT_EQ(refusal_.delay, milliseconds(0));
}

TEST_F(AuthTest, HoldsAKeyToItsRequestsPerMinute) {
  const Headers bob = authorization(std::string("Bearer ") + kBob);
  for (int i = 0; i < 60; ++i) EXPECT_EQ(tenant(bob), "bob") << i;
  EXPECT_EQ(tenant(bob), "");
  EXPECT_EQ(refusal_.details.code, ErrorCode::rate_limited);
  EXPECT_EQ(refusal_.details.retry_after, seconds(1));
  EXPECT_EQ(tenant(authorization(std::string("Bearer ") + kAlice)), "alice");
  clock_.advance(seconds(1));
  EXPECT_EQ(tenant(bob), "bob");
  EXPECT_EQ(tenant(bob), "");
  clock_.advance(std::chrono::hours(1));
  for (int i = 0; i < 60; ++i) EXPECT_EQ(tenant(bob), "bob") << "no more than a minute's are saved";
  EXPECT_EQ(tenant(bob), "");
}

TEST(Auth, WithoutKeysEverybodyIsTheAnonymousTenant) {
  const test::ManualClock clock;
  Authenticator authenticator({}, clock);
  EXPECT_EQ(std::get<Identity>(authenticator.authenticate(authorization("Bearer x"), "")).tenant,
            "");
}

TEST(KeysFile, ReadsKeysWithTheirLimits) {
  const auto keys = parse_keys(R"({"keys":[
      {"name":"alice","key":"alice-0123456789"},
      {"name":"b.o_b-1","key":"bob-0123456789abc","highest_priority":"low",
       "limits":{"max_active_jobs":4,"requests_per_minute":60}}]})",
                               "keys.json");
  ASSERT_EQ(keys.size(), 2u);
  EXPECT_EQ(keys[0].highest_priority, Priority::normal);
  EXPECT_EQ(keys[0].max_active_jobs, 0);
  EXPECT_EQ(keys[1].highest_priority, Priority::low);
  EXPECT_EQ(keys[1].requests_per_minute, 60);
}

TEST(KeysFile, IsRefusedByEntryAndWithoutShowingAKey) {
  const std::string good = R"({"name":"a","key":"secret-0123456789"})";
  for (const std::string& entries :
       {std::string(), std::string(R"({"name":"a","key":"short"})"), good + "," + good,
        std::string(R"({"key":"secret-0123456789"})"),
        std::string(R"({"name":"a b","key":"secret-0123456789"})"),
        std::string(R"({"name":"a","key":"secret 0123456789"})"),
        std::string(R"({"name":"a","key":"secret-0123456789","highest_priority":"top"})"),
        std::string(R"({"name":"a","key":"secret-0123456789","limit":{}})"),
        std::string(R"({"name":"a","key":"secret-0123456789","limits":{"max_active_jobs":-1}})"),
        std::string(R"({"name":"a","key":["secret-0123456789"]})")}) {
    const test::Refused why =
        test::refused([&] { parse_keys("{\"keys\":[" + entries + "]}", "keys.json"); });
    EXPECT_THAT(why.message, HasSubstr("keys.json")) << entries;
    EXPECT_THAT(why.message, Not(HasSubstr("0123456789"))) << entries;
  }
  EXPECT_EQ(test::refused([] { parse_keys("{}", "keys.json"); }).code, ErrorCode::invalid_config);
}

}  // namespace
}  // namespace bafa::http
