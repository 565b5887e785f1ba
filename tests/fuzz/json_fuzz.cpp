// Any bytes as JSON: refused, or a document that survives being written and read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "bafa/error.h"
#include "base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const bafa::Json json = bafa::parse_json(text);
    if (bafa::parse_json(json.dump()) != json) std::abort();
  } catch (const bafa::Error& error) {
    if (error.code() != bafa::ErrorCode::invalid_json) std::abort();
  }
  return 0;
}
