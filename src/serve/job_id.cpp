#include "serve/job_id.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "bafa/error.h"

namespace bafa::serve {

JobId new_job_id() {
  std::array<std::uint8_t, 16> bytes{};
  // Up to 256 bytes come whole or not at all.
  ssize_t got = -1;
  do {
    got = getrandom(bytes.data(), bytes.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(bytes.size())) {
    throw Error(ErrorCode::internal,
                std::string("no random bits for a job id: ") + std::strerror(errno));
  }
  constexpr char kDigits[] = "0123456789abcdef";
  JobId id;
  id.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    id.push_back(kDigits[byte >> 4]);
    id.push_back(kDigits[byte & 15]);
  }
  return id;
}

}  // namespace bafa::serve
