#include "nn/cpu/fused.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "nn/cpu/dispatch.h"

namespace bafa::nn::cpu {
namespace {

// How an image is cut. Several pixels of few channels are taken as one row of many columns, so that
// vectors are full. Depends on the shape alone: sums come out the same for any batch and threads.
struct Tiling {
  std::int64_t pixels, channels;
  std::int64_t pixels_in_row, pixels_in_block, blocks;

  Tiling(std::int64_t image_pixels, std::int64_t image_channels)
      : pixels(image_pixels),
        channels(image_channels),
        pixels_in_row(static_cast<std::int64_t>(
            std::bit_floor(static_cast<std::uint64_t>(std::max<std::int64_t>(512 / channels, 1))))),
        pixels_in_block(32 * pixels_in_row),
        blocks((pixels + pixels_in_block - 1) / pixels_in_block) {}

  std::int64_t columns() const { return pixels_in_row * channels; }
  std::int64_t grain() const {
    return std::max<std::int64_t>(1, kGrainElements / (pixels_in_block * channels));
  }
  std::int64_t block_size(std::int64_t block) const {
    return std::min(pixels_in_block, pixels - block * pixels_in_block);
  }

  // `values` [channels], once for each pixel of a row.
  std::vector<float> widen(const float* values) const {
    std::vector<float> wide(static_cast<std::size_t>(columns()));
    for (std::int64_t i = 0; i < columns(); ++i) wide[i] = values[i % channels];
    return wide;
  }

  // Calls work(pointer offset in elements, rows, columns) for the full rows of a block and for the
  // pixels left over.
  template <typename Work>
  void for_rows(std::int64_t block, const Work& work) const {
    const std::int64_t size = block_size(block);
    const std::int64_t rows = size / pixels_in_row;
    const std::int64_t begin = block * pixels_in_block * channels;
    if (rows > 0) work(begin, rows, columns());
    const std::int64_t rest = size - rows * pixels_in_row;
    if (rest > 0) work(begin + rows * columns(), rest, channels);
  }
};

// Sums over the pixels of one image, for each channel, of what lies above its pivot.
struct ChannelSums {
  std::vector<float> pivot;
  std::vector<double> sums;
  std::vector<double> squares;
};

// The first pixel serves as pivot: far from zero, squares of whole values would drown the variance.
template <typename T>
std::vector<float> first_pixel(const T* x, std::int64_t channels) {
  std::vector<float> pivot(static_cast<std::size_t>(channels));
  std::vector<float> unused(pivot.size());
  const std::vector<float> zero(pivot.size());
  kernels_of<T>().moments(x, 1, channels, zero.data(), pivot.data(), unused.data());
  return pivot;
}

template <typename T>
std::vector<ChannelSums> channel_sums(const T* x, std::int64_t batch, const Tiling& tiling) {
  const std::int64_t image = tiling.pixels * tiling.channels;
  const std::int64_t columns = tiling.columns();
  std::vector<ChannelSums> result(static_cast<std::size_t>(batch));
  std::vector<std::vector<float>> pivots;
  for (std::int64_t b = 0; b < batch; ++b) {
    result[b].pivot = first_pixel(x + b * image, tiling.channels);
    pivots.push_back(tiling.widen(result[b].pivot.data()));
  }
  std::vector<float> partial(static_cast<std::size_t>(batch * tiling.blocks * 2 * columns));
  at::parallel_for(
      0, batch * tiling.blocks, tiling.grain(), [&](std::int64_t from, std::int64_t to) {
        for (std::int64_t task = from; task < to; ++task) {
          const std::int64_t b = task / tiling.blocks;
          float* sums = partial.data() + task * 2 * columns;
          tiling.for_rows(task % tiling.blocks,
                          [&](std::int64_t at, std::int64_t rows, std::int64_t n) {
                            kernels_of<T>().moments(x + b * image + at, rows, n, pivots[b].data(),
                                                    sums, sums + columns);
                          });
        }
      });
  for (std::int64_t b = 0; b < batch; ++b) {
    result[b].sums.resize(static_cast<std::size_t>(tiling.channels));
    result[b].squares.resize(static_cast<std::size_t>(tiling.channels));
    for (std::int64_t block = 0; block < tiling.blocks; ++block) {
      const float* sums = partial.data() + (b * tiling.blocks + block) * 2 * columns;
      for (std::int64_t i = 0; i < columns; i += tiling.channels) {
        for (std::int64_t c = 0; c < tiling.channels; ++c) {
          result[b].sums[c] += sums[i + c];
          result[b].squares[c] += sums[columns + i + c];
        }
      }
    }
  }
  return result;
}

// y = x * scale + shift, for each channel of one image.
struct Affine {
  std::vector<float> scale;
  std::vector<float> shift;
};

Affine normalising(const GroupNormInput& input, std::int64_t b, const Tiling& tiling,
                   const ChannelSums& sums) {
  const std::int64_t width = tiling.channels / input.groups;
  const double pixels = static_cast<double>(tiling.pixels);
  const float* weight = input.weight.const_data_ptr<float>();
  const float* bias = input.bias.const_data_ptr<float>();
  const float* added =
      input.shift.defined() ? input.shift.const_data_ptr<float>() + b * tiling.channels : nullptr;
  std::vector<float> scale(static_cast<std::size_t>(tiling.channels));
  std::vector<float> shift(static_cast<std::size_t>(tiling.channels));
  for (std::int64_t first = 0; first < tiling.channels; first += width) {
    const auto centre = [&](std::int64_t c) {
      return static_cast<double>(sums.pivot[c]) + (added != nullptr ? added[c] : 0.0F);
    };
    double total = 0;
    for (std::int64_t c = first; c < first + width; ++c) total += sums.sums[c] + pixels * centre(c);
    const double mean = total / (pixels * static_cast<double>(width));
    double squares = 0;
    for (std::int64_t c = first; c < first + width; ++c) {
      const double off = centre(c) - mean;
      squares += sums.squares[c] + off * (2 * sums.sums[c] + pixels * off);
    }
    const double variance = std::max(squares / (pixels * static_cast<double>(width)), 0.0);
    const double inverse = 1 / std::sqrt(variance + input.eps);
    for (std::int64_t c = first; c < first + width; ++c) {
      const double own = inverse * weight[c];
      scale[c] = static_cast<float>(own);
      shift[c] = static_cast<float>(bias[c] + own * ((added != nullptr ? added[c] : 0.0F) - mean));
    }
  }
  return {tiling.widen(scale.data()), tiling.widen(shift.data())};
}

template <typename T>
void normalise(const GroupNormInput& input, const Tiling& tiling, T* y) {
  const T* x = memory<T>(input.x);
  const std::int64_t batch = input.x.size(0);
  const std::int64_t image = tiling.pixels * tiling.channels;
  const std::vector<ChannelSums> sums = channel_sums(x, batch, tiling);
  std::vector<Affine> affines;
  for (std::int64_t b = 0; b < batch; ++b)
    affines.push_back(normalising(input, b, tiling, sums[b]));
  at::parallel_for(
      0, batch * tiling.blocks, tiling.grain(), [&](std::int64_t from, std::int64_t to) {
        for (std::int64_t task = from; task < to; ++task) {
          const std::int64_t b = task / tiling.blocks;
          tiling.for_rows(
              task % tiling.blocks, [&](std::int64_t at, std::int64_t rows, std::int64_t n) {
                kernels_of<T>().affine(x + b * image + at, rows, n, affines[b].scale.data(),
                                       affines[b].shift.data(), input.silu, y + b * image + at);
              });
        }
      });
}

}  // namespace

bool has_fused(const at::Tensor& x) {
  return x.device().is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

at::Tensor group_norm(const GroupNormInput& input) {
  CHECK(has_fused(input.x) && input.x.dim() == 4 && input.x.size(1) % input.groups == 0);
  GroupNormInput dense = input;
  dense.x = input.x.contiguous(at::MemoryFormat::ChannelsLast);
  if (input.shift.defined()) dense.shift = input.shift.to(at::kFloat).contiguous();
  at::Tensor y = at::empty_like(dense.x, at::TensorOptions(), at::MemoryFormat::ChannelsLast);
  if (y.numel() == 0) return y;
  const Tiling tiling(dense.x.size(2) * dense.x.size(3), dense.x.size(1));
  with_element_type(dense.x,
                    [&](auto element) { normalise(dense, tiling, memory<decltype(element)>(y)); });
  return y;
}

at::Tensor geglu(const at::Tensor& x) {
  CHECK(has_fused(x) && x.size(-1) % 2 == 0);
  const at::Tensor dense = x.contiguous();
  std::vector<std::int64_t> sizes = dense.sizes().vec();
  sizes.back() /= 2;
  at::Tensor y = at::empty(sizes, dense.options());
  const std::int64_t columns = sizes.back();
  if (y.numel() == 0) return y;
  const std::int64_t grain = std::max<std::int64_t>(1, kGrainElements / columns);
  with_element_type(dense, [&](auto element) {
    using T = decltype(element);
    const T* from = memory<T>(dense);
    T* to = memory<T>(y);
    at::parallel_for(0, y.numel() / columns, grain, [&](std::int64_t first, std::int64_t last) {
      kernels_of<T>().geglu(from + first * 2 * columns, last - first, columns,
                            to + first * columns);
    });
  });
  return y;
}

}  // namespace bafa::nn::cpu
