// What a megapixel costs as a file. The picture is smooth with hard edges, like the model's own.
#include <benchmark/benchmark.h>

#include "image/encode.h"
#include "support/drawn_image.h"

namespace bafa::image {
namespace {

void encode_megapixel(benchmark::State& state) {
  const Image image = test::drawn_image(1024, 1024);
  const EncodeOptions options{.format = static_cast<Format>(state.range(0))};
  std::size_t bytes = 0;
  for (auto _ : state) {
    const std::string file = encode(image, options);
    bytes = file.size();
    benchmark::DoNotOptimize(file.data());
  }
  state.SetLabel(std::string(to_string(options.format)));
  state.counters["file_bytes"] = static_cast<double>(bytes);
}
BENCHMARK(encode_megapixel)
    ->Arg(static_cast<int>(Format::png))
    ->Arg(static_cast<int>(Format::jpeg))
    ->Arg(static_cast<int>(Format::webp))
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace bafa::image
