// Pictures as files: encodes on threads of its own, so that neither the device's thread nor many
// handlers at once do it, and keeps the latest results for those who ask again. One per server;
// called from any thread, which waits for its pictures.
#pragma once

#include <compare>
#include <cstddef>
#include <future>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bafa/engine.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "http/http_metrics.h"
#include "image/encode.h"

namespace bafa::http {

struct Encoding {
  image::Format format = image::Format::png;
  std::optional<int> compression = {};  // 0..100, jpeg and webp; absent: the encoder's default

  friend auto operator<=>(const Encoding&, const Encoding&) = default;
};

using EncodedImage = std::shared_ptr<const std::string>;

struct EncodedImagesOptions {
  int threads = 1;
  std::size_t max_cached_bytes = 64 << 20;
};

class EncodedImages {
 public:
  EncodedImages(EncodedImagesOptions options, const Clock& clock, HttpMetrics& metrics);

  // Pictures `indices` of a job's result, in that order.
  std::vector<EncodedImage> encode(const JobId& id, const std::shared_ptr<const JobResult>& result,
                                   std::span<const std::size_t> indices, const Encoding& encoding)
      EXCLUDES(mutex_);

  // A preview, which nobody asks for twice.
  EncodedImage encode(std::shared_ptr<const Image> image, const Encoding& encoding);

 private:
  struct Key {
    JobId id;
    std::size_t index = 0;
    Encoding encoding;

    friend auto operator<=>(const Key&, const Key&) = default;
  };
  using Recent = std::list<std::pair<Key, EncodedImage>>;  // the latest used in front

  std::future<EncodedImage> start(std::shared_ptr<const Image> image, const Encoding& encoding);
  EncodedImage find(const Key& key) EXCLUDES(mutex_);
  void keep(const Key& key, const EncodedImage& image) EXCLUDES(mutex_);

  const std::size_t max_cached_bytes_;
  const Clock& clock_;
  HttpMetrics& metrics_;
  Mutex mutex_;
  Recent recent_ GUARDED_BY(mutex_);
  std::map<Key, Recent::iterator> by_key_ GUARDED_BY(mutex_);
  std::size_t cached_bytes_ GUARDED_BY(mutex_) = 0;
  ThreadPool pool_;  // last: its tasks use the rest
};

}  // namespace bafa::http
