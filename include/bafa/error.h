// The one exception type of bafa. `code` says what happened in a word that programs can rely on,
// `message` says it to a person: what was wrong, what is allowed, what to do. Expected outcomes
// (queue full, job cancelled) are return values, not errors. Thrown anywhere; caught in exactly two
// places: round a job (serve) and round a request (http), besides `main`.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace bafa {

enum class ErrorCode {
  // The caller's mistake in the body of a request.
  invalid_json,
  invalid_value,
  missing_field,
  unknown_field,
  unsupported_size,
  too_many_images,
  prompt_too_long,
  // The caller's rights.
  invalid_api_key,
  forbidden_origin,
  priority_not_allowed,
  // Things asked for that are not here.
  route_not_found,
  model_not_found,
  job_not_found,
  file_not_found,
  job_expired,
  // The caller's mistake in the protocol.
  method_not_allowed,
  not_acceptable,
  request_timeout,
  length_required,
  payload_too_large,
  uri_too_long,
  unsupported_media_type,
  misdirected_request,
  header_fields_too_large,
  bad_request,
  // Refusals that pass with time.
  idempotency_mismatch,
  queue_full,
  tenant_limit,
  rate_limited,
  loading,
  draining,
  device_error,
  out_of_memory,
  store_unavailable,
  // How a job can end badly.
  canceled,
  queue_timeout,
  deadline_exceeded,
  generation_failed,
  non_finite_output,
  // Start-up: configuration and checkpoints.
  invalid_config,
  invalid_model,
  unsupported_model,
  io_error,
  disk_full,
  // The rest.
  not_implemented,
  internal,
};

// The code as it appears in answers, logs and metrics: the enumerator's own name.
std::string_view to_string(ErrorCode code);

class Error : public std::runtime_error {
 public:
  // `param` names the field, file or tensor at fault; empty when there is none.
  Error(ErrorCode code, const std::string& message, std::string param = {})
      : std::runtime_error(message), code_(code), param_(std::move(param)) {}

  ErrorCode code() const noexcept { return code_; }
  const std::string& param() const noexcept { return param_; }

 private:
  ErrorCode code_;
  std::string param_;
};

}  // namespace bafa
