// What the tests send: whole requests through an HTTP library, broken ones as bytes.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/raw_connection.h"

namespace bafa::e2e {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Answer {
  int status = 0;  // 0: none came
  std::multimap<std::string, std::string> headers = {};
  std::string body = {};

  std::string header(const std::string& name) const;  // "" without it
};

Answer get(int port, const std::string& path, const Headers& headers = {});
Answer post(int port, const std::string& path, const std::string& json,
            const Headers& headers = {});
Answer remove(int port, const std::string& path);

using test::RawConnection;

// POST /v1/images/generations with this JSON as bytes.
std::string generation_request(std::string_view json);

// Asks again and again until `condition` holds; false after a minute.
bool eventually(const std::function<bool()>& condition);

std::string base64_decoded(std::string_view text);

}  // namespace bafa::e2e
