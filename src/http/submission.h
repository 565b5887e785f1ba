// From a request's body to a job: parses, applies the server's rules, validates, submits. Shared by
// every route that takes a generation.
#pragma once

#include <string>
#include <variant>

#include "http/generation_codec.h"
#include "http/message.h"
#include "http/services.h"

namespace bafa::http {

struct SubmittedJob {
  JobId id;
  Acceptance acceptance = Acceptance::created;
  GenerationBody body;  // with what validation could not honour added to `ignored`
};

// Throws Error for what is wrong with the request; gives a Refusal for what passes with time.
std::variant<SubmittedJob, Refusal> submit_generation(const HttpRequest& request,
                                                      const GenerationBody& body,
                                                      const Services& services);

// The request's body, with the Idempotency-Key header merged into `request_id`.
GenerationBody read_generation(const HttpRequest& request, UnknownFields unknown_fields,
                               const Services& services);

enum class AnswerForm {
  waited,    // the pictures, when they are there
  streamed,  // events until then
  accepted,  // the job's address at once
};

// Adds the fields that have no meaning for this form of answer to `ignored`.
void note_ignored(GenerationBody& body, AnswerForm form);

// True when the Prefer header asks for an answer before the job has ended (RFC 7240).
bool prefers_async(const HttpRequest& request);

// 202 with the job's address.
HttpResponse accepted_answer(const JobId& id, const Services& services);

// X-Job-Id, X-Ignored-Params and Idempotent-Replayed, as they apply.
void add_submission_headers(Headers& headers, const SubmittedJob& job);

}  // namespace bafa::http
