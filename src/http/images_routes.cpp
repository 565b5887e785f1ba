#include "http/images_routes.h"

#include <charconv>

#include "http/accept.h"
#include "http/error_response.h"
#include "http/image_stream.h"
#include "http/job_stream.h"
#include "http/result_response.h"
#include "http/submission.h"

namespace bafa::http {
namespace {

// Partial images as they appear, then every finished image or what went wrong.
class StreamedGeneration {
 public:
  StreamedGeneration(const Services& services, OutputOptions output)
      : services_(services), encoding_{output.format, output.compression}, stream_(output.format) {}

  bool tell(const JobSnapshot& job, EventWriter& writer) {
    for (const JobPreview& preview : services_.engine.previews(job.id)) {
      if (!stream_.wants(preview)) continue;
      const EncodedImage encoded = services_.images.encode(preview.image, encoding_);
      if (!writer.write(stream_.partial_image(job, preview, *encoded))) return false;
    }
    return !is_end(job.state) || (tell_end(job, writer) && writer.write(kDone));
  }

 private:
  bool tell_end(const JobSnapshot& job, EventWriter& writer) {
    if (job.state != JobState::succeeded) return writer.write(error_event(failure_of(job)));
    const auto images = encode_all(job, encoding_, services_);
    for (std::size_t i = 0; i < images.size(); ++i)
      if (!writer.write(stream_.completed(job, static_cast<int>(i), *images[i]))) return false;
    return true;
  }

  const Services& services_;
  const Encoding encoding_;
  ImageStream stream_;
};

void require_event_stream(const HttpRequest& request) {
  static constexpr std::string_view kOffered[] = {"text/event-stream", "application/json"};
  const std::string* accept = request.header("Accept");
  if (!negotiate(accept ? *accept : "", kOffered))
    throw Error(ErrorCode::not_acceptable,
                "with stream, Accept must allow text/event-stream or application/json");
}

HttpResponse streamed_answer(const SubmittedJob& job, const Services& services) {
  auto caller = std::make_shared<WaitingCaller>(services.engine, job.id);
  const OutputOptions output = job.body.output;
  return event_stream([&services, caller, id = job.id, output](BodySink& sink) {
    StreamedGeneration generation(services, output);
    follow_job(services, id, sink, [&](const JobSnapshot& snapshot, EventWriter& writer) {
      return generation.tell(snapshot, writer);
    });
  });
}

HttpResponse waited_answer(const HttpRequest& request, const SubmittedJob& submitted,
                           const ResultShape& shape, const Services& services) {
  const WaitingCaller caller(services.engine, submitted.id);
  const auto job = wait_for_end(request, submitted.id, services.engine);
  if (!job) return error_response({.code = ErrorCode::canceled, .message = "the client is gone"});
  const FinishedJob finished{*job, submitted.body.output, std::nullopt};
  return result_response(request, finished, shape, services);
}

void require_one_picture(const GenerationBody& body) {
  if (body.request.count.value_or(1) != 1)
    throw Error(ErrorCode::invalid_value,
                "n must be 1 when Accept asks for a raw picture; accept application/json for more",
                "n");
}

AnswerForm form_of(const HttpRequest& request, const GenerationBody& body) {
  if (prefers_async(request)) return AnswerForm::accepted;
  return body.stream ? AnswerForm::streamed : AnswerForm::waited;
}

// Refuses what the caller would not take, before anything is submitted.
ResultShape agree_on_shape(const HttpRequest& request, const GenerationBody& body,
                           AnswerForm form) {
  if (form == AnswerForm::accepted) return {};
  if (form == AnswerForm::streamed) {
    require_event_stream(request);
    return {};
  }
  const ResultShape shape = shape_of(request, body.output.format, Prefer::json);
  if (shape.raw) require_one_picture(body);
  return shape;
}

HttpResponse answer_in(AnswerForm form, const HttpRequest& request, const SubmittedJob& job,
                       const ResultShape& shape, const Services& services) {
  switch (form) {
    case AnswerForm::accepted: return accepted_answer(job.id, services);
    case AnswerForm::streamed: return streamed_answer(job, services);
    case AnswerForm::waited: break;
  }
  return waited_answer(request, job, shape, services);
}

HttpResponse generate(const HttpRequest& request, const Services& services) {
  GenerationBody body = read_generation(request, UnknownFields::ignore, services);
  const AnswerForm form = form_of(request, body);
  const ResultShape shape = agree_on_shape(request, body, form);
  note_ignored(body, form);
  const auto result = submit_generation(request, body, services);
  if (const auto* refusal = std::get_if<Refusal>(&result))
    return error_response(details_of(*refusal));
  const SubmittedJob& job = std::get<SubmittedJob>(result);
  HttpResponse response = answer_in(form, request, job, shape, services);
  add_submission_headers(response.headers, job);
  if (form == AnswerForm::accepted) response.headers.add("Preference-Applied", "respond-async");
  return response;
}

struct FileName {
  std::size_t index = 0;
  image::Format format = image::Format::png;
};

// "{i}.{ext}"
std::optional<FileName> parse_file_name(std::string_view name) {
  const auto dot = name.find('.');
  if (dot == name.npos || dot == 0 || dot > 3) return std::nullopt;
  FileName file;
  const auto [end, error] = std::from_chars(name.data(), name.data() + dot, file.index);
  const auto format = image::parse_format(name.substr(dot + 1));
  if (error != std::errc{} || end != name.data() + dot || !format) return std::nullopt;
  file.format = *format;
  return file;
}

HttpResponse fetch_file(const HttpRequest& request, const Services& services) {
  const auto file = parse_file_name(request.parameter("file"));
  const JobId id(request.parameter("id"));
  const auto result = services.engine.result(id);
  const auto job = services.engine.snapshot(id);
  if (!file || !result || !job || job->state != JobState::succeeded ||
      file->index >= result->images.size())
    throw Error(ErrorCode::file_not_found, "there is no such file, or it is no longer kept");
  return result_response(request, {*job, services.outputs.of(id), file->index},
                         {.raw = file->format}, services);
}

}  // namespace

void add_images_routes(Router& router, const Services& services) {
  router.add({.method = "POST",
              .pattern = "/v1/images/generations",
              .handler = [&services](const HttpRequest& r) { return generate(r, services); },
              .kind = RouteKind::waiting});
  // Open: the id is the key, as for any image address that a page shows.
  router.add({.method = "GET",
              .pattern = "/v1/images/files/{id}/{file}",
              .handler = [&services](const HttpRequest& r) { return fetch_file(r, services); },
              .kind = RouteKind::quick,
              .access = Access::open});
}

}  // namespace bafa::http
