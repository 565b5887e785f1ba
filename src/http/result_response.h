// A finished job as an answer: raw bytes of one picture, or JSON with all of them. Shared by the
// routes that wait for a job and those that fetch it later.
#pragma once

#include <optional>
#include <vector>

#include "http/error_response.h"
#include "http/message.h"
#include "http/services.h"

namespace bafa::http {

// How an answer is to look, chosen from the Accept header.
struct ResultShape {
  std::optional<image::Format> raw;  // absent: JSON
};

// What is offered first wins a tie: JSON to those who submit, a picture to those who fetch.
enum class Prefer { json, picture };

// Throws Error{not_acceptable} when the caller accepts neither JSON nor any picture format.
ResultShape shape_of(const HttpRequest& request, image::Format format, Prefer prefer);

struct FinishedJob {
  const JobSnapshot& job;  // has ended
  OutputOptions output;
  std::optional<std::size_t> index;  // one picture only
};

// The pictures of a job that succeeded; its error otherwise. Throws Error{invalid_value} for an
// index beyond the job's pictures, or raw bytes asked of several pictures at once.
HttpResponse result_response(const HttpRequest& request, const FinishedJob& finished,
                             const ResultShape& shape, const Services& services);

// A job that ended without its pictures, as the caller is told.
ErrorDetails failure_of(const JobSnapshot& job);

// All pictures of a succeeded job, encoded. Throws Error{job_expired} when they are gone already.
std::vector<EncodedImage> encode_all(const JobSnapshot& job, const Encoding& encoding,
                                     const Services& services);

}  // namespace bafa::http
