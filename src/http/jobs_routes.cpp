#include "http/jobs_routes.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "http/base64.h"
#include "http/error_response.h"
#include "http/job_codec.h"
#include "http/job_events.h"
#include "http/job_stream.h"
#include "http/result_response.h"
#include "http/submission.h"

namespace bafa::http {
namespace {

constexpr int kMaxListLimit = 100;

[[noreturn]] void job_not_found() { throw Error(ErrorCode::job_not_found, "there is no such job"); }

// The job that the path names, if it is the caller's.
JobSnapshot own_job(const HttpRequest& request, const Services& services) {
  const JobId id(request.parameter("id"));
  auto job = services.engine.snapshot(id);
  if (!job && services.engine.forgotten(id))
    throw Error(ErrorCode::job_expired, "this job ended and is no longer kept");
  if (!job || job->tenant != request.identity.tenant) job_not_found();
  return *std::move(job);
}

HttpResponse json_response(const Json& json) {
  return make_response(200, "application/json", json.dump());
}

std::optional<int> parse_number(std::string_view text, int max) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole && value >= 0 && value <= max ? std::optional(value) : std::nullopt;
}

// include=params
JobDetail detail_of(const HttpRequest& request) {
  const auto include = request.query_parameter("include");
  if (!include) return JobDetail::status;
  if (*include != "params")
    throw Error(ErrorCode::invalid_value, "include must be params", "include");
  return JobDetail::params;
}

HttpResponse submit_job(const HttpRequest& request, const Services& services) {
  GenerationBody body = read_generation(request, UnknownFields::refuse, services);
  note_ignored(body, AnswerForm::accepted);
  const auto result = submit_generation(request, body, services);
  if (const auto* refusal = std::get_if<Refusal>(&result))
    return error_response(details_of(*refusal));
  const SubmittedJob& job = std::get<SubmittedJob>(result);
  HttpResponse response = accepted_answer(job.id, services);
  add_submission_headers(response.headers, job);
  return response;
}

HttpResponse show_job(const HttpRequest& request, const Services& services) {
  return json_response(to_json(own_job(request, services), detail_of(request)));
}

JobQuery query_of(const HttpRequest& request) {
  JobQuery query;
  query.tenant = request.identity.tenant;
  if (const auto limit = request.query_parameter("limit")) {
    const auto number = parse_number(*limit, kMaxListLimit);
    if (!number || *number == 0)
      throw Error(ErrorCode::invalid_value, "limit must be an integer from 1 to 100", "limit");
    query.limit = *number;
  }
  query.after = request.query_parameter("after").value_or("");
  const auto status = request.query_parameter("status");
  if (!status) return query;
  for (const JobState state : {JobState::queued, JobState::running, JobState::succeeded,
                               JobState::failed, JobState::canceled, JobState::expired})
    if (*status == to_string(state)) query.state = state;
  if (!query.state)
    throw Error(ErrorCode::invalid_value,
                "status must be queued, running, succeeded, failed, canceled or expired", "status");
  return query;
}

HttpResponse list_jobs(const HttpRequest& request, const Services& services) {
  const JobDetail detail = detail_of(request);
  const JobPage page = services.engine.list(query_of(request));
  Json data = Json::array();
  for (const JobSnapshot& job : page.jobs) data.push_back(to_json(job, detail));
  return json_response({{"object", "list"}, {"data", data}, {"has_more", page.has_more}});
}

HttpResponse not_finished(const JobSnapshot& job) {
  HttpResponse response =
      make_response(202, "application/json", to_json(job, JobDetail::status).dump());
  const double seconds = std::clamp(std::ceil(job.eta_seconds), 1.0, 120.0);
  response.headers.add("Retry-After", std::to_string(static_cast<int>(seconds)));
  return response;
}

HttpResponse fetch_result(const HttpRequest& request, const Services& services) {
  const JobSnapshot job = own_job(request, services);
  const OutputOptions output = services.outputs.of(job.id);
  const bool one_picture = job.params.count == 1;
  FinishedJob finished{job, output, std::nullopt};
  if (const auto text = request.query_parameter("index")) {
    const auto index = parse_number(*text, job.params.count - 1);
    if (!index)
      throw Error(ErrorCode::invalid_value,
                  "index must be an integer from 0 to " + std::to_string(job.params.count - 1),
                  "index");
    finished.index = *index;
  }
  const Prefer prefer = one_picture || finished.index ? Prefer::picture : Prefer::json;
  const ResultShape shape = shape_of(request, output.format, prefer);
  if (!is_end(job.state)) return not_finished(job);
  HttpResponse response = result_response(request, finished, shape, services);
  response.headers.add("X-Job-Id", job.id);
  return response;
}

HttpResponse cancel_job(const HttpRequest& request, const Services& services) {
  const JobId id = own_job(request, services).id;
  const bool canceled_now = services.engine.cancel(id);
  const auto job = services.engine.snapshot(id);
  if (!job) job_not_found();
  const bool canceled = canceled_now || job->state == JobState::canceled;
  return json_response({{"id", id}, {"canceled", canceled}, {"status", to_string(job->state)}});
}

// New previews of a running job, encoded for the feed.
std::vector<EncodedPreview> new_previews(const JobSnapshot& job, const JobEventFeed& feed,
                                         const Services& services) {
  std::vector<EncodedPreview> encoded;
  for (const JobPreview& preview : services.engine.previews(job.id)) {
    if (!feed.wants(preview)) continue;
    const EncodedImage png = services.images.encode(preview.image, {.format = image::Format::png});
    encoded.push_back({.image_index = preview.image_index,
                       .step = preview.step,
                       .width = preview.image->width,
                       .height = preview.image->height,
                       .png_base64 = base64(*png)});
  }
  return encoded;
}

HttpResponse no_content() {
  HttpResponse response;
  response.status = 204;
  return response;
}

std::uint64_t last_event_id(const HttpRequest& request) {
  const std::string* header = request.header("Last-Event-ID");
  return header ? parse_event_id(*header).value_or(0) : 0;
}

HttpResponse stream_events(const HttpRequest& request, const Services& services) {
  const JobSnapshot job = own_job(request, services);
  auto feed = std::make_shared<JobEventFeed>(job, last_event_id(request));
  // An EventSource comes back after every end; 204 is what stops it.
  if (feed->is_over(job)) return no_content();
  return event_stream([&services, feed, id = job.id,
                       token = services.engine.follow(job.id)](BodySink& sink) {
    follow_job(services, id, sink, [&](const JobSnapshot& snapshot, EventWriter& writer) {
      for (const Event& event : feed->advance(snapshot, new_previews(snapshot, *feed, services)))
        if (!writer.write(event)) return false;
      return true;
    });
  });
}

}  // namespace

void add_jobs_routes(Router& router, const Services& services) {
  const auto add = [&](const char* method, const char* pattern, RouteKind kind,
                       HttpResponse (*handler)(const HttpRequest&, const Services&)) {
    router.add(
        {.method = method,
         .pattern = pattern,
         .handler = [handler, &services](const HttpRequest& r) { return handler(r, services); },
         .kind = kind});
  };
  add("POST", "/v1/jobs", RouteKind::quick, submit_job);
  add("GET", "/v1/jobs", RouteKind::quick, list_jobs);
  add("GET", "/v1/jobs/{id}", RouteKind::quick, show_job);
  add("DELETE", "/v1/jobs/{id}", RouteKind::quick, cancel_job);
  add("POST", "/v1/jobs/{id}/cancel", RouteKind::quick, cancel_job);
  add("GET", "/v1/jobs/{id}/result", RouteKind::quick, fetch_result);
  add("GET", "/v1/jobs/{id}/events", RouteKind::waiting, stream_events);
}

}  // namespace bafa::http
