#include "http/error_response.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace bafa::http {
namespace {

constexpr std::string_view kInvalid = "invalid_request_error";
constexpr std::string_view kAuthentication = "authentication_error";
constexpr std::string_view kPermission = "permission_error";
constexpr std::string_view kRateLimit = "rate_limit_error";
constexpr std::string_view kServer = "server_error";

constexpr ErrorMapping kBusy{.status = 429, .type = kRateLimit, .retry_after = true};
constexpr ErrorMapping kUnavailable{.status = 503, .type = kServer, .retry_after = true};
constexpr ErrorMapping kTimedOut{.status = 504, .type = kServer, .no_retry = true};
constexpr ErrorMapping kInternal{.status = 500, .type = kServer, .private_message = true};

constexpr ErrorMapping invalid(int status) { return {.status = status, .type = kInvalid}; }

constexpr ErrorMapping table(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_json:
    case ErrorCode::invalid_value:
    case ErrorCode::missing_field:
    case ErrorCode::unknown_field:
    case ErrorCode::unsupported_size:
    case ErrorCode::too_many_images:
    case ErrorCode::prompt_too_long:
    case ErrorCode::bad_request: return invalid(400);
    case ErrorCode::invalid_api_key: return {.status = 401, .type = kAuthentication};
    case ErrorCode::forbidden_origin:
    case ErrorCode::priority_not_allowed: return {.status = 403, .type = kPermission};
    case ErrorCode::route_not_found:
    case ErrorCode::model_not_found:
    case ErrorCode::job_not_found:
    case ErrorCode::file_not_found: return invalid(404);
    case ErrorCode::job_expired: return invalid(410);
    case ErrorCode::method_not_allowed: return invalid(405);
    case ErrorCode::not_acceptable: return invalid(406);
    case ErrorCode::request_timeout: return invalid(408);
    case ErrorCode::length_required: return invalid(411);
    case ErrorCode::payload_too_large: return invalid(413);
    case ErrorCode::uri_too_long: return invalid(414);
    case ErrorCode::unsupported_media_type: return invalid(415);
    case ErrorCode::misdirected_request: return invalid(421);
    case ErrorCode::idempotency_mismatch:
      return {.status = 422, .type = kInvalid, .no_retry = true};
    case ErrorCode::header_fields_too_large: return invalid(431);
    case ErrorCode::canceled: return {.status = 499, .type = kInvalid, .no_retry = true};
    case ErrorCode::queue_full:
    case ErrorCode::tenant_limit:
    case ErrorCode::rate_limited: return kBusy;
    case ErrorCode::loading:
    case ErrorCode::draining:
    case ErrorCode::device_error:
    case ErrorCode::out_of_memory:
    case ErrorCode::store_unavailable: return kUnavailable;
    case ErrorCode::disk_full: return {.status = 507, .type = kServer, .no_retry = true};
    case ErrorCode::queue_timeout:
    case ErrorCode::deadline_exceeded: return kTimedOut;
    case ErrorCode::generation_failed: return {.status = 500, .type = kServer};
    case ErrorCode::non_finite_output: return {.status = 500, .type = kServer, .no_retry = true};
    case ErrorCode::not_implemented: return {.status = 501, .type = kServer, .no_retry = true};
    case ErrorCode::invalid_config:
    case ErrorCode::invalid_model:
    case ErrorCode::unsupported_model:
    case ErrorCode::io_error:
    case ErrorCode::internal: return kInternal;
  }
  return kInternal;
}

constexpr std::string_view kGeneralMessage =
    "The server failed at this request; its log names the cause under the X-Request-Id.";

std::string dump(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string_view message_for(const ErrorDetails& details) {
  const bool hidden = mapping_of(details.code).private_message;
  return hidden ? kGeneralMessage : std::string_view(details.message);
}

nlohmann::ordered_json openai_error(const ErrorDetails& details) {
  nlohmann::ordered_json error;
  error["message"] = message_for(details);
  error["type"] = mapping_of(details.code).type;
  error["param"] = nullptr;
  if (!details.param.empty()) error["param"] = details.param;
  error["code"] = to_string(details.code);
  return error;
}

}  // namespace

const ErrorMapping& mapping_of(ErrorCode code) {
  static constexpr auto kTable = [] {
    std::array<ErrorMapping, static_cast<std::size_t>(ErrorCode::internal) + 1> rows{};
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = table(static_cast<ErrorCode>(i));
    return rows;
  }();
  return kTable[static_cast<std::size_t>(code)];
}

ErrorDetails details_of(const Error& error) {
  return {.code = error.code(), .message = error.what(), .param = error.param()};
}

ErrorDetails details_of(const Refusal& refusal) {
  return {.code = refusal.code, .message = refusal.message, .retry_after = refusal.retry_after};
}

// A job that a stopping server ended is worth repeating once another process has loaded the model.
ErrorDetails details_of(const JobError& error) {
  constexpr std::chrono::seconds kRestart{10};
  const bool restarts = error.code == ErrorCode::draining || error.code == ErrorCode::device_error;
  return {.code = error.code,
          .message = error.message,
          .retry_after = restarts ? std::optional(kRestart) : std::nullopt};
}

ErrorShape error_shape_of(std::string_view path) {
  return path.starts_with("/sdapi/") ? ErrorShape::a1111 : ErrorShape::openai;
}

Json error_object(const ErrorDetails& details) { return openai_error(details); }

std::string error_body(const ErrorDetails& details, ErrorShape shape) {
  const std::string_view message = message_for(details);
  const std::string_view code = to_string(details.code);
  nlohmann::ordered_json json;
  if (shape == ErrorShape::a1111) {
    json["error"] = code;
    json["detail"] = message;
    json["body"] = "";
    json["errors"] = message;
    return dump(json);
  }
  json["error"] = openai_error(details);
  return dump(json);
}

HttpResponse error_response(const ErrorDetails& details, ErrorShape shape) {
  const ErrorMapping& mapping = mapping_of(details.code);
  HttpResponse response = make_response(details.status.value_or(mapping.status), "application/json",
                                        error_body(details, shape));
  if (mapping.retry_after || details.retry_after) {
    const auto seconds = details.retry_after.value_or(std::chrono::seconds(1)).count();
    response.headers.add("Retry-After", std::to_string(std::clamp<long>(seconds, 1, 120)));
  }
  if (mapping.no_retry) response.headers.add("x-should-retry", "false");
  return response;
}

}  // namespace bafa::http
