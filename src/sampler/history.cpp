#include "sampler/history.h"

#include <ATen/ops/cat.h>

#include <vector>

namespace bafa::sampler {

at::Tensor remembered(std::span<const Position> positions, std::size_t place,
                      const at::Tensor& otherwise) {
  std::vector<at::Tensor> images = otherwise.split(1);
  for (std::size_t image = 0; image < positions.size(); ++image) {
    const std::vector<at::Tensor>& history = positions[image].history;
    if (place < history.size()) images[image] = history[place];
  }
  return at::cat(images);
}

}  // namespace bafa::sampler
