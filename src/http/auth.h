// API keys: who may ask, and for how much. Keys come from one file that the operator writes, arrive
// in the Authorization header only, and are compared without telling by time how close a guess was.
// An Authenticator may be called from any thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "http/error_response.h"
#include "http/message.h"

namespace bafa::http {

struct ApiKey {
  std::string name;  // the tenant; [A-Za-z0-9._-]{1,64}
  std::string key;   // 16 to 256 printable characters
  Priority highest_priority = Priority::normal;
  int max_active_jobs = 0;      // queued and running; 0: only the queue's limit
  int requests_per_minute = 0;  // 0: no limit
};

// {"keys":[{"name":"alice","key":"…","highest_priority":"high",
//           "limits":{"max_active_jobs":4,"requests_per_minute":60}}]}
// Throws Error{invalid_config, io_error}; messages name entries by number, never by key.
std::vector<ApiKey> load_keys(const std::filesystem::path& file);
std::vector<ApiKey> parse_keys(std::string_view json, const std::string& source);

struct AuthRefusal {
  ErrorDetails details;                // invalid_api_key or rate_limited
  std::chrono::milliseconds delay{0};  // the answer is held back that long, without a thread
};

class Authenticator {
 public:
  // Without keys everybody is the anonymous tenant.
  Authenticator(std::vector<ApiKey> keys, const Clock& clock);

  std::variant<Identity, AuthRefusal> authenticate(const Headers& headers,
                                                   const std::string& remote_address)
      EXCLUDES(mutex_);

  // From now on these keys count and no others; what a name has used of its allowance stays used.
  void replace_keys(std::vector<ApiKey> keys) EXCLUDES(mutex_);

 private:
  using Keys = std::shared_ptr<const std::vector<ApiKey>>;

  struct Failures {
    int count = 0;
    MonotonicTime last{};
  };
  struct Allowance {
    double requests = 0;  // that may be made now
    MonotonicTime updated{};
  };

  Keys keys() const EXCLUDES(mutex_);
  std::chrono::milliseconds delay_after_failure(const std::string& address) EXCLUDES(mutex_);
  std::optional<std::chrono::seconds> wait_for_allowance(const ApiKey& key) EXCLUDES(mutex_);

  const Clock& clock_;
  mutable Mutex mutex_;
  Keys keys_ GUARDED_BY(mutex_);
  std::map<std::string, Failures> failures_ GUARDED_BY(mutex_);     // by address
  std::map<std::string, Allowance> allowances_ GUARDED_BY(mutex_);  // by key name
};

// The key that the request presents: Bearer, or Basic with the key as password. "" for none.
std::string presented_key(const Headers& headers);

}  // namespace bafa::http
