// The one table from error codes to answers, and the two shapes in which clients expect them. Used
// by the listener for what it refuses itself and by the routes for what they throw or are told.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "bafa/engine.h"
#include "bafa/error.h"
#include "base/json.h"
#include "http/message.h"

namespace bafa::http {

struct ErrorMapping {
  int status = 500;
  std::string_view type = {};    // of the OpenAI body: "invalid_request_error", ...
  bool retry_after = false;      // carries Retry-After, 1 s unless the details say more
  bool no_retry = false;         // carries x-should-retry: false; a repeat would end the same way
  bool private_message = false;  // may name files: only the log gets it, the client a general one
};

const ErrorMapping& mapping_of(ErrorCode code);

struct ErrorDetails {
  ErrorCode code = ErrorCode::internal;
  std::string message = {};
  std::string param = {};                                // "" is sent as null
  std::optional<std::chrono::seconds> retry_after = {};  // kept within 1..120 s
  std::optional<int> status = {};                        // instead of the table's: 417, 505
};

ErrorDetails details_of(const Error& error);
ErrorDetails details_of(const Refusal& refusal);
ErrorDetails details_of(const JobError& error);

enum class ErrorShape {
  openai,  // {"error":{"message","type","param","code"}}, all four always present
  a1111,   // {"error","detail","body","errors"}
};

// By the path asked for: a1111 below /sdapi/, else openai.
ErrorShape error_shape_of(std::string_view path);

// The object that "error" holds in the openai shape, for a job's own "error".
Json error_object(const ErrorDetails& details);

// The JSON alone, for `event: error` of a stream.
std::string error_body(const ErrorDetails& details, ErrorShape shape = ErrorShape::openai);

HttpResponse error_response(const ErrorDetails& details, ErrorShape shape = ErrorShape::openai);

}  // namespace bafa::http
