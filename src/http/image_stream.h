// The event stream of POST /v1/images/generations with "stream": true, in the words of OpenAI's
// interface: partial images while the job runs, then every finished image. Not thread-safe: one
// stream belongs to one connection.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "bafa/engine.h"
#include "http/error_response.h"
#include "http/sse.h"
#include "image/encode.h"

namespace bafa::http {

class ImageStream {
 public:
  explicit ImageStream(image::Format format) : format_(format) {}

  // True for a preview that the stream has not carried yet.
  bool wants(const JobPreview& preview) const;

  // `encoded`: the preview in the stream's format.
  Event partial_image(const JobSnapshot& job, const JobPreview& preview, std::string_view encoded);

  Event completed(const JobSnapshot& job, int image_index, std::string_view encoded) const;

 private:
  image::Format format_;
  struct Told {
    int step = 0;
    int count = 0;
  };
  std::map<int, Told> told_;  // by image index
};

// A job that did not succeed, or anything else that went wrong after the stream had begun.
Event error_event(const ErrorDetails& details);

}  // namespace bafa::http
