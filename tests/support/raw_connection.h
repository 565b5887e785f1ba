// A TCP connection to this machine that sends what it is told: whole requests, broken ones, or
// nothing at all. Used by one thread.
#pragma once

#include <string>
#include <string_view>

namespace bafa::test {

struct RawAnswer {
  int status = 0;  // 0: none came
  std::string head = {};
  std::string body = {};

  std::string header(std::string_view name) const;  // "" without it
};

class RawConnection {
 public:
  // `from`: the loopback address it comes from. Throws std::runtime_error when nobody listens.
  explicit RawConnection(int port, const std::string& from = "127.0.0.1");
  ~RawConnection();  // closes it
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  // False once the server has closed the connection.
  bool send(std::string_view bytes);

  // The next answer, with its body (by Content-Length only); status 0 when the server closed the
  // connection instead or said nothing for half a minute.
  RawAnswer read_answer();
  int read_status() { return read_answer().status; }

  // Everything up to the end of the connection.
  std::string read_to_end();

  // True when the server ends the connection within half a minute; what it sent before is skipped.
  bool is_closed();

  // True when no byte and no end arrives within a tenth of a second.
  bool is_silent();

  void end_sending();  // half-closes
  void reset();        // closes with a reset, unread bytes or not

 private:
  bool read_more();

  int socket_ = -1;
  bool ended_ = false;
  std::string received_;
};

}  // namespace bafa::test
