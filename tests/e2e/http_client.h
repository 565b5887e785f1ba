// What the tests send: whole requests through an HTTP library, broken ones as bytes.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

// A TCP connection that sends what it is told.
class RawConnection {
 public:
  explicit RawConnection(int port);
  ~RawConnection();  // closes it
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  // False once the server has closed the connection.
  bool send(std::string_view bytes);

  // The status of the next answer, whose body is read too (Content-Length only); 0 when the server
  // closed the connection instead or said nothing for half a minute.
  int read_status();

 private:
  bool read_more();

  int socket_ = -1;
  std::string received_;
};

// POST /v1/images/generations with this JSON as bytes.
std::string generation_request(std::string_view json);

// Asks again and again until `condition` holds; false after a minute.
bool eventually(const std::function<bool()>& condition);

std::string base64_decoded(std::string_view text);

}  // namespace bafa::e2e
