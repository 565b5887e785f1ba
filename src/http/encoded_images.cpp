#include "http/encoded_images.h"

#include "bafa/error.h"

namespace bafa::http {
namespace {

// Far more than the connections that the server allows have pictures to wait for.
constexpr std::size_t kMaxWaiting = 4096;

}  // namespace

EncodedImages::EncodedImages(EncodedImagesOptions options, const Clock& clock, HttpMetrics& metrics)
    : max_cached_bytes_(options.max_cached_bytes),
      clock_(clock),
      metrics_(metrics),
      pool_("image", options.threads, kMaxWaiting) {}

std::vector<EncodedImage> EncodedImages::encode(const JobId& id,
                                                const std::shared_ptr<const JobResult>& result,
                                                std::span<const std::size_t> indices,
                                                const Encoding& encoding) {
  std::vector<EncodedImage> images;
  std::vector<std::future<EncodedImage>> started;
  for (const std::size_t index : indices) {
    images.push_back(find({id, index, encoding}));
    const std::shared_ptr<const Image> image(result, &result->images.at(index));
    started.push_back(images.back() ? std::future<EncodedImage>() : start(image, encoding));
  }
  for (std::size_t i = 0; i < images.size(); ++i) {
    if (images[i]) continue;
    images[i] = started[i].get();
    keep({id, indices[i], encoding}, images[i]);
  }
  return images;
}

EncodedImage EncodedImages::encode(std::shared_ptr<const Image> image, const Encoding& encoding) {
  return start(std::move(image), encoding).get();
}

std::future<EncodedImage> EncodedImages::start(std::shared_ptr<const Image> image,
                                               const Encoding& encoding) {
  // A packaged task hands an exception to whoever waits, so the pool sees none.
  auto task = std::make_shared<std::packaged_task<EncodedImage()>>(
      [this, image = std::move(image), encoding] {
        const MonotonicTime begun = clock_.now();
        auto bytes = std::make_shared<const std::string>(image::encode(
            *image, {.format = encoding.format, .compression = encoding.compression}));
        metrics_.observe_encoding(std::chrono::duration<double>(clock_.now() - begun).count());
        return bytes;
      });
  std::future<EncodedImage> encoded = task->get_future();
  if (!pool_.try_submit([task] { (*task)(); }))
    throw Error(ErrorCode::rate_limited,
                "too many pictures are being encoded; fetch this one again");
  return encoded;
}

EncodedImage EncodedImages::find(const Key& key) {
  MutexLock lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, found->second);
  return found->second->second;
}

void EncodedImages::keep(const Key& key, const EncodedImage& image) {
  MutexLock lock(mutex_);
  if (image->size() > max_cached_bytes_ || by_key_.contains(key)) return;
  recent_.emplace_front(key, image);
  by_key_[key] = recent_.begin();
  cached_bytes_ += image->size();
  while (cached_bytes_ > max_cached_bytes_) {
    cached_bytes_ -= recent_.back().second->size();
    by_key_.erase(recent_.back().first);
    recent_.pop_back();
  }
}

}  // namespace bafa::http
