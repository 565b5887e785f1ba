#include "bafa/error.h"

#include "base/check.h"

namespace bafa {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_json: return "invalid_json";
    case ErrorCode::invalid_value: return "invalid_value";
    case ErrorCode::missing_field: return "missing_field";
    case ErrorCode::unknown_field: return "unknown_field";
    case ErrorCode::unsupported_size: return "unsupported_size";
    case ErrorCode::too_many_images: return "too_many_images";
    case ErrorCode::prompt_too_long: return "prompt_too_long";
    case ErrorCode::invalid_api_key: return "invalid_api_key";
    case ErrorCode::forbidden_origin: return "forbidden_origin";
    case ErrorCode::priority_not_allowed: return "priority_not_allowed";
    case ErrorCode::route_not_found: return "route_not_found";
    case ErrorCode::model_not_found: return "model_not_found";
    case ErrorCode::job_not_found: return "job_not_found";
    case ErrorCode::file_not_found: return "file_not_found";
    case ErrorCode::job_expired: return "job_expired";
    case ErrorCode::method_not_allowed: return "method_not_allowed";
    case ErrorCode::not_acceptable: return "not_acceptable";
    case ErrorCode::request_timeout: return "request_timeout";
    case ErrorCode::length_required: return "length_required";
    case ErrorCode::payload_too_large: return "payload_too_large";
    case ErrorCode::uri_too_long: return "uri_too_long";
    case ErrorCode::unsupported_media_type: return "unsupported_media_type";
    case ErrorCode::misdirected_request: return "misdirected_request";
    case ErrorCode::header_fields_too_large: return "header_fields_too_large";
    case ErrorCode::bad_request: return "bad_request";
    case ErrorCode::idempotency_mismatch: return "idempotency_mismatch";
    case ErrorCode::queue_full: return "queue_full";
    case ErrorCode::tenant_limit: return "tenant_limit";
    case ErrorCode::rate_limited: return "rate_limited";
    case ErrorCode::loading: return "loading";
    case ErrorCode::draining: return "draining";
    case ErrorCode::device_error: return "device_error";
    case ErrorCode::out_of_memory: return "out_of_memory";
    case ErrorCode::store_unavailable: return "store_unavailable";
    case ErrorCode::canceled: return "canceled";
    case ErrorCode::queue_timeout: return "queue_timeout";
    case ErrorCode::deadline_exceeded: return "deadline_exceeded";
    case ErrorCode::generation_failed: return "generation_failed";
    case ErrorCode::non_finite_output: return "non_finite_output";
    case ErrorCode::invalid_config: return "invalid_config";
    case ErrorCode::invalid_model: return "invalid_model";
    case ErrorCode::unsupported_model: return "unsupported_model";
    case ErrorCode::io_error: return "io_error";
    case ErrorCode::disk_full: return "disk_full";
    case ErrorCode::not_implemented: return "not_implemented";
    case ErrorCode::internal: return "internal";
  }
  check_failed("an ErrorCode", __FILE__, __LINE__);
}

}  // namespace bafa
