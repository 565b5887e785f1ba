#include "http/submission.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/log.h"
#include "http/job_codec.h"

namespace bafa::http {
namespace {

// Many times what any client sends; a megabyte of tiny values costs a good part of a second.
constexpr std::size_t kMaxBodyValues = 10'000;

std::string_view to_word(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  text.remove_prefix(first);
  return text.substr(0, text.find_first_of(" \t;=,"));
}

Priority allowed_priority(const GenerationBody& body, const Identity& identity) {
  if (!body.priority) return std::min(Priority::normal, identity.highest_priority);
  if (*body.priority > identity.highest_priority)
    throw Error(
        ErrorCode::priority_not_allowed,
        "this key's highest priority is " + std::string(to_string(identity.highest_priority)),
        "priority");
  return *body.priority;
}

SubmitOptions options_of(const HttpRequest& request, const GenerationBody& body,
                         const Services& services) {
  SubmitOptions options;
  options.tenant = request.identity.tenant;
  options.priority = allowed_priority(body, request.identity);
  options.start_timeout = body.start_timeout;
  options.previews = body.partial_images;
  if (body.request_id) options.idempotency = {{*body.request_id, body.fingerprint}};
  options.max_waiting = request.identity.max_active_jobs;
  options.shares_queue = !services.config.listen.keys_file.empty();
  options.request_id = request.request_id;
  return options;
}

void log_prompt(const JobId& id, const GenerateRequest& request) {
  LogLine line("job.prompt");
  line.add("job", id).add("prompt", request.prompt);
  if (request.negative_prompt) line.add("negative_prompt", *request.negative_prompt);
  log(spdlog::level::info, line);
}

Refusal not_loaded() {
  return {.code = ErrorCode::loading,
          .message = "the model is being loaded; try again in a moment",
          .retry_after = std::chrono::seconds(2)};
}

}  // namespace

std::variant<SubmittedJob, Refusal> submit_generation(const HttpRequest& request,
                                                      const GenerationBody& body,
                                                      const Services& services) {
  const auto capabilities = services.engine.capabilities();
  if (!capabilities) return not_loaded();
  ValidRequest valid = validate(body.request, *capabilities, services.random_seed(), body.names);
  SubmittedJob job{.id = {}, .acceptance = {}, .body = body};
  if (body.request.negative_prompt && !valid.params().negative_prompt)
    job.body.ignored.emplace_back("negative_prompt");
  SubmitResult result =
      services.engine.submit(std::move(valid), options_of(request, body, services));
  if (auto* refusal = std::get_if<Refusal>(&result)) return std::move(*refusal);
  const Accepted& accepted = std::get<Accepted>(result);
  if (services.config.log.prompts) log_prompt(accepted.id, body.request);
  if (accepted.how == Acceptance::created) services.outputs.remember(accepted.id, body.output);
  job.id = accepted.id;
  job.acceptance = accepted.how;
  return job;
}

GenerationBody read_generation(const HttpRequest& request, UnknownFields unknown_fields,
                               const Services& services) {
  const Json document = parse_json(
      request.body,
      {.max_bytes = services.config.transport.max_body_bytes, .max_values = kMaxBodyValues});
  GenerationBody body = read_generation_body(document, unknown_fields);
  const std::string* key = request.header("Idempotency-Key");
  if (!key) return body;
  if (!is_idempotency_key(*key))
    throw Error(ErrorCode::invalid_value,
                "Idempotency-Key must be 1 to 255 visible ASCII characters", "Idempotency-Key");
  if (body.request_id && *body.request_id != *key)
    throw Error(ErrorCode::invalid_value,
                "Idempotency-Key and request_id name different keys; send one of them",
                "request_id");
  body.request_id = *key;
  return body;
}

bool prefers_async(const HttpRequest& request) {
  for (const Headers::Field& field : request.headers) {
    if (!equal_ignoring_case(field.name, "Prefer")) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const auto comma = std::min(rest.find(','), rest.size());
      if (equal_ignoring_case(to_word(rest.substr(0, comma)), "respond-async")) return true;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return false;
}

void note_ignored(GenerationBody& body, AnswerForm form) {
  const bool urls = body.output.response_format == ResponseFormat::url;
  if (form == AnswerForm::streamed && urls) body.ignored.emplace_back("response_format");
  if (form == AnswerForm::waited && body.partial_images > 0)
    body.ignored.emplace_back("partial_images");
  if (form == AnswerForm::accepted && body.stream) body.ignored.emplace_back("stream");
}

HttpResponse accepted_answer(const JobId& id, const Services& services) {
  const auto job = services.engine.snapshot(id);
  if (!job) throw Error(ErrorCode::job_expired, "the job was removed already");
  HttpResponse response = make_response(202, "application/json", accepted_json(*job).dump());
  response.headers.add("Location", job_path(id));
  return response;
}

void add_submission_headers(Headers& headers, const SubmittedJob& job) {
  headers.add("X-Job-Id", job.id);
  std::string ignored;
  for (const std::string& field : job.body.ignored)
    ignored += (ignored.empty() ? "" : ", ") + field;
  if (!ignored.empty()) headers.add("X-Ignored-Params", ignored);
  if (job.acceptance == Acceptance::replayed) headers.add("Idempotent-Replayed", "true");
}

}  // namespace bafa::http
