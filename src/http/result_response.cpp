#include "http/result_response.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "http/accept.h"
#include "http/error_response.h"
#include "http/images_response.h"
#include "http/job_codec.h"

namespace bafa::http {
namespace {

using image::Format;

constexpr std::array kFormats{Format::png, Format::jpeg, Format::webp};

// Formats in the order of preference: the job's own first.
std::array<Format, kFormats.size()> formats_from(Format first) {
  auto formats = kFormats;
  const auto preferred = std::ranges::find(formats, first);
  std::rotate(formats.begin(), preferred, std::next(preferred));
  return formats;
}

std::shared_ptr<const JobResult> images_of(const JobSnapshot& job, const Engine& engine) {
  auto result = engine.result(job.id);
  if (!result) throw Error(ErrorCode::job_expired, "the pictures of this job were removed already");
  return result;
}

std::vector<std::size_t> indices_of(const FinishedJob& finished, const JobResult& result) {
  if (!finished.index) {
    std::vector<std::size_t> all(result.images.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    return all;
  }
  if (*finished.index >= result.images.size())
    throw Error(ErrorCode::invalid_value,
                "index must be from 0 to " + std::to_string(result.images.size() - 1), "index");
  return {*finished.index};
}

std::string duration_ms(const JobSnapshot& job) {
  const auto duration = job.finished_at.value_or(job.created_at) - job.created_at;
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

// "https://HOST": Host was checked against the allow-list before any route ran.
std::string origin_of(const HttpRequest& request) {
  const std::string* host = request.header("Host");
  return host ? (request.secure ? "https://" : "http://") + *host : std::string();
}

std::string file_url(const HttpRequest& request, const JobId& id, std::size_t index,
                     Format format) {
  return origin_of(request) + "/v1/images/files/" + id + "/" + std::to_string(index) + "." +
         std::string(image::to_string(format));
}

// What both kinds of answer are made of.
struct Chosen {
  std::shared_ptr<const JobResult> result;
  std::vector<std::size_t> indices;  // into the result

  std::int64_t seed(const JobSnapshot& job, std::size_t i) const {
    return job.params.seed + result->indices.at(indices[i]);
  }
};

HttpResponse raw_answer(const FinishedJob& finished, const Chosen& chosen, Format format,
                        const Services& services) {
  const JobSnapshot& job = finished.job;
  if (chosen.indices.size() != 1)
    throw Error(ErrorCode::invalid_value,
                "a raw picture is one picture; accept application/json or ask for one index",
                "index");
  HttpResponse response = make_response(200, std::string(image::media_type(format)), "");
  response.shared_body = services.images.encode(job.id, chosen.result, chosen.indices,
                                                {format, finished.output.compression})[0];
  response.headers.add("X-Seed", std::to_string(chosen.seed(job, 0)));
  response.headers.add("X-Duration-Ms", duration_ms(job));
  if (job.prompt_truncated) response.headers.add("X-Prompt-Truncated", "true");
  return response;
}

HttpResponse json_answer(const HttpRequest& request, const FinishedJob& finished,
                         const Chosen& chosen, const Services& services) {
  const JobSnapshot& job = finished.job;
  const OutputOptions& output = finished.output;
  const bool wants_urls = output.response_format == ResponseFormat::url;
  std::vector<EncodedImage> encoded;
  if (!wants_urls)
    encoded = services.images.encode(job.id, chosen.result, chosen.indices,
                                     {output.format, output.compression});
  std::vector<std::string> urls;
  for (const std::size_t index : chosen.indices)
    urls.push_back(file_url(request, job.id, index, output.format));
  std::vector<ImageEntry> entries;
  for (std::size_t i = 0; i < chosen.indices.size(); ++i)
    entries.push_back({.content = wants_urls ? std::string_view(urls[i]) : *encoded[i],
                       .format = output.response_format,
                       .seed = chosen.seed(job, i)});
  const auto capabilities = services.engine.capabilities();
  return make_response(200, "application/json",
                       images_json({.job = job,
                                    .model = capabilities ? capabilities->model : "",
                                    .output_format = output.format,
                                    .images = entries}));
}

}  // namespace

ResultShape shape_of(const HttpRequest& request, Format format, Prefer prefer) {
  const auto formats = formats_from(format);
  std::vector<std::string_view> offered;
  for (const Format one : formats) offered.push_back(image::media_type(one));
  const bool json_first = prefer == Prefer::json;
  offered.insert(json_first ? offered.begin() : offered.end(), "application/json");
  const std::string* accept = request.header("Accept");
  const auto best = negotiate(accept ? *accept : "", offered);
  if (!best)
    throw Error(ErrorCode::not_acceptable,
                "Accept must allow application/json, image/png, image/jpeg or image/webp");
  if (offered[*best] == "application/json") return {};
  return {.raw = formats[*best - (json_first ? 1 : 0)]};
}

HttpResponse result_response(const HttpRequest& request, const FinishedJob& finished,
                             const ResultShape& shape, const Services& services) {
  const JobSnapshot& job = finished.job;
  if (job.state != JobState::succeeded) return error_response(failure_of(job));
  const auto result = images_of(job, services.engine);
  const Chosen chosen{result, indices_of(finished, *result)};
  return shape.raw ? raw_answer(finished, chosen, *shape.raw, services)
                   : json_answer(request, finished, chosen, services);
}

ErrorDetails failure_of(const JobSnapshot& job) {
  if (job.error) return details_of(*job.error);
  return {.code = ErrorCode::canceled, .message = "the job was cancelled"};
}

std::vector<EncodedImage> encode_all(const JobSnapshot& job, const Encoding& encoding,
                                     const Services& services) {
  const auto result = images_of(job, services.engine);
  std::vector<std::size_t> all(result->images.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return services.images.encode(job.id, result, all, encoding);
}

}  // namespace bafa::http
