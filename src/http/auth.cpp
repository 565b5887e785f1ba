#include "http/auth.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/json.h"
#include "http/line_reader.h"

namespace bafa::http {
namespace {

constexpr std::size_t kMinKeyBytes = 16;
constexpr std::size_t kMaxKeyBytes = 256;
constexpr std::size_t kMaxNameBytes = 64;
constexpr std::size_t kMaxKeysFileBytes = 1 << 20;

constexpr int kFreeFailures = 3;  // typing errors cost nothing
constexpr std::chrono::milliseconds kFirstDelay{250};
constexpr std::chrono::milliseconds kLongestDelay{2000};
constexpr std::chrono::minutes kFailuresForgotten{5};
constexpr std::size_t kMaxFailureAddresses = 4096;

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

bool is_name(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !text.empty() && text.size() <= kMaxNameBytes &&
         std::all_of(text.begin(), text.end(), fits);
}

[[noreturn]] void refuse_file(const std::string& where, const std::string& what) {
  throw Error(ErrorCode::invalid_config, where + ": " + what, where);
}

Priority read_priority(ObjectReader& entry, const std::string& where) {
  const std::string text = entry.string("highest_priority").value_or("normal");
  for (const Priority priority : {Priority::low, Priority::normal, Priority::high})
    if (text == to_string(priority)) return priority;
  refuse_file(where, "highest_priority must be low, normal or high.");
}

void read_limits(const Json& json, const std::string& where, ApiKey& key) {
  constexpr int kMost = 1'000'000;
  ObjectReader limits(json, where, ErrorCode::invalid_config);
  key.max_active_jobs =
      static_cast<int>(limits.integer_in("max_active_jobs", 0, kMost).value_or(0));
  key.requests_per_minute =
      static_cast<int>(limits.integer_in("requests_per_minute", 0, kMost).value_or(0));
  limits.refuse_unread();
}

ApiKey read_key(const Json& json, const std::string& where) {
  ObjectReader entry(json, where, ErrorCode::invalid_config);
  ApiKey key;
  key.name = entry.string("name").value_or("");
  key.key = entry.string("key").value_or("");
  key.highest_priority = read_priority(entry, where);
  if (const Json* limits = entry.any("limits")) read_limits(*limits, where + ".limits", key);
  entry.refuse_unread();
  if (!is_name(key.name)) refuse_file(where, "name must be 1 to 64 of A-Z a-z 0-9 . _ -");
  if (key.key.size() < kMinKeyBytes || key.key.size() > kMaxKeyBytes || !is_printable(key.key))
    refuse_file(where, "key must be 16 to 256 printable ASCII characters without spaces.");
  return key;
}

// The same time for every guess of one length, however many characters are right.
bool equal_in_constant_time(std::string_view secret, std::string_view guess) {
  unsigned difference = secret.size() == guess.size() ? 0 : 1;
  for (std::size_t i = 0; i < guess.size(); ++i)
    difference |= static_cast<unsigned char>(guess[i]) ^
                  static_cast<unsigned char>(secret[i % secret.size()]);
  return difference == 0;
}

// Looks at every key, so that the time does not tell which one was nearly right.
const ApiKey* find(const std::vector<ApiKey>& keys, std::string_view presented) {
  const ApiKey* found = nullptr;
  if (presented.size() > kMaxKeyBytes) return nullptr;
  for (const ApiKey& key : keys)
    if (equal_in_constant_time(key.key, presented)) found = &key;
  return found;
}

int base64_value(char c) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t at = kAlphabet.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

std::optional<std::string> base64_decode(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string bytes;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = base64_value(c);
    if (value < 0) return std::nullopt;
    bits = (bits << 6 | static_cast<unsigned>(value)) & 0xffffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> count & 0xff));
  }
  return bytes;
}

}  // namespace

std::vector<ApiKey> parse_keys(std::string_view text, const std::string& source) {
  const Json json = parse_json(
      text, {.max_bytes = kMaxKeysFileBytes, .source = source, .error = ErrorCode::invalid_config});
  ObjectReader reader(json, source, ErrorCode::invalid_config);
  const Json* list = reader.any("keys");
  reader.refuse_unread();
  if (!list || !list->is_array() || list->empty())
    refuse_file(source, "it must be {\"keys\": [...]} with one key at least.");
  std::vector<ApiKey> keys;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const std::string where = source + ": keys[" + std::to_string(i) + "]";
    ApiKey key = read_key((*list)[i], where);
    for (const ApiKey& other : keys)
      if (other.name == key.name || other.key == key.key)
        refuse_file(where, "its name or its key is that of another entry.");
    keys.push_back(std::move(key));
  }
  return keys;
}

std::vector<ApiKey> load_keys(const std::filesystem::path& file) {
  return parse_keys(read_file(file, kMaxKeysFileBytes), file.string());
}

std::string presented_key(const Headers& headers) {
  const std::string* field = headers.find("Authorization");
  if (!field) return "";
  const std::string_view text = *field;
  const std::size_t space = std::min(text.find(' '), text.size());
  const std::string_view scheme = text.substr(0, space);
  const std::string_view credentials = trim_blanks(text.substr(space));
  if (equal_ignoring_case(scheme, "Bearer")) return std::string(credentials);
  if (!equal_ignoring_case(scheme, "Basic")) return "";
  const std::string pair = base64_decode(credentials).value_or("");
  const std::size_t colon = pair.find(':');
  return colon == std::string::npos ? "" : pair.substr(colon + 1);
}

Authenticator::Authenticator(std::vector<ApiKey> keys, const Clock& clock)
    : clock_(clock), keys_(std::make_shared<const std::vector<ApiKey>>(std::move(keys))) {}

void Authenticator::replace_keys(std::vector<ApiKey> keys) {
  auto shared = std::make_shared<const std::vector<ApiKey>>(std::move(keys));
  const MutexLock lock(mutex_);
  keys_ = std::move(shared);
}

Authenticator::Keys Authenticator::keys() const {
  const MutexLock lock(mutex_);
  return keys_;
}

std::variant<Identity, AuthRefusal> Authenticator::authenticate(const Headers& headers,
                                                                const std::string& remote_address) {
  const Keys keys = this->keys();
  if (keys->empty()) return Identity{};
  const std::string presented = presented_key(headers);
  const ApiKey* key = find(*keys, presented);
  if (!key) {
    AuthRefusal refusal;
    refusal.details = {.code = ErrorCode::invalid_api_key,
                       .message = presented.empty()
                                      ? "This server needs an API key: Authorization: Bearer KEY."
                                      : "This API key is not known."};
    // Having brought no key is no guess.
    if (!presented.empty()) refusal.delay = delay_after_failure(remote_address);
    return refusal;
  }
  if (const auto wait = wait_for_allowance(*key))
    return AuthRefusal{.details = {.code = ErrorCode::rate_limited,
                                   .message = "This key may make " +
                                              std::to_string(key->requests_per_minute) +
                                              " requests a minute.",
                                   .retry_after = wait}};
  return Identity{.tenant = key->name,
                  .highest_priority = key->highest_priority,
                  .max_active_jobs = key->max_active_jobs};
}

std::chrono::milliseconds Authenticator::delay_after_failure(const std::string& address) {
  const MutexLock lock(mutex_);
  const MonotonicTime now = clock_.now();
  if (failures_.size() >= kMaxFailureAddresses && !failures_.contains(address)) {
    std::erase_if(failures_,
                  [&](const auto& f) { return now - f.second.last > kFailuresForgotten; });
    if (failures_.size() >= kMaxFailureAddresses) return kLongestDelay;  // many attack at once
  }
  Failures& failures = failures_[address];
  if (now - failures.last > kFailuresForgotten) failures.count = 0;
  failures.last = now;
  if (++failures.count <= kFreeFailures) return std::chrono::milliseconds(0);
  const int doublings = std::min(failures.count - kFreeFailures - 1, 10);
  return std::min(kFirstDelay * (1 << doublings), kLongestDelay);
}

// A bucket that holds one minute's requests and fills evenly.
std::optional<std::chrono::seconds> Authenticator::wait_for_allowance(const ApiKey& key) {
  if (key.requests_per_minute == 0) return std::nullopt;
  const double per_second = key.requests_per_minute / 60.0;
  const MutexLock lock(mutex_);
  const MonotonicTime now = clock_.now();
  const auto [entry, fresh] = allowances_.try_emplace(
      key.name, Allowance{static_cast<double>(key.requests_per_minute), now});
  Allowance& allowance = entry->second;
  const std::chrono::duration<double> passed = now - allowance.updated;
  allowance.requests =
      std::min<double>(key.requests_per_minute, allowance.requests + passed.count() * per_second);
  allowance.updated = now;
  if (allowance.requests >= 1) {
    allowance.requests -= 1;
    return std::nullopt;
  }
  return std::chrono::seconds(static_cast<long>(std::ceil((1 - allowance.requests) / per_second)));
}

}  // namespace bafa::http
