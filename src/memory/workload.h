// What the phases need beside their weights, from a network's shape and the work it is given. All
// formulas are here. They count the tensors that are alive together when most are. ESTIMATES, until
// measured on each device: held against the tensors that the reference library has alive at once
// (workload_test.cpp), while kernels may want workspace of their own. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "memory/needs.h"

namespace bafa::memory {

enum class DataType { fp32, bf16, fp16 };

std::uint64_t size_bytes(DataType type);
std::string_view to_string(DataType type);
std::optional<DataType> parse_data_type(std::string_view name);  // "fp32", "bf16", "fp16"

// What the networks' operations keep beside their inputs and results.
enum class Kernels {
  plain,         // as the reference has them: a norm and its activation are two tensors
  cpu,           // bafa's on a processor: one pass; attention fused; some weights reordered on use
  cpu_with_rows  // the same, but attention keeps the scores of a chunk of queries
};

struct Workload {
  std::int64_t width = 0;  // pixels
  std::int64_t height = 0;
  std::int64_t batch = 1;   // pictures painted together
  std::int64_t tokens = 0;  // of one prompt, padded as the encoder wants it
  bool guided = false;      // the denoiser sees every picture twice
  Kernels kernels = Kernels::plain;

  friend bool operator==(const Workload&, const Workload&) = default;
};

// Limits of a Workload and of the facts below within which no formula overflows.
inline constexpr std::int64_t kMaxSide = 8192;  // pixels
inline constexpr std::int64_t kMaxBatch = 64;
inline constexpr std::int64_t kMaxTokens = 1 << 16;
inline constexpr std::int64_t kMaxWidth = 1 << 16;  // channels or features

// Layers of attention and feed-forward over tokens.
struct TransformerFacts {
  std::int64_t features = 0;  // of a token between layers
  std::int64_t widest = 0;    // features within the feed-forward
  std::int64_t heads = 0;     // where scores are kept whole; 0: fused attention
};

struct DiffusionTransformerFacts {
  TransformerFacts layers;
  std::int64_t patch = 2;  // latents along a side of a token
  std::int64_t latent_channels = 0;
};

struct UNetLevelFacts {
  std::int64_t channels = 0;
  std::int64_t layers = 0;        // resnets on the way down
  std::int64_t transformers = 0;  // blocks after a resnet, the most of both ways; 0: no attention
  std::int64_t heads = 0;         // of its attention
};

struct UNetFacts {
  std::vector<UNetLevelFacts> levels;  // finest first
  std::int64_t latent_channels = 0;
};

struct DecoderFacts {
  std::vector<std::int64_t> channels;  // finest first
  std::int64_t latent_channels = 0;
  bool mid_attention = true;

  std::int64_t scale() const;  // pixels along a side of a latent
};

// Each gives what the phase can do with, without any sacrifice first.
std::vector<Activations> encoder_activations(const TransformerFacts& facts,
                                             const Workload& workload, DataType type);
std::vector<Activations> unet_activations(const UNetFacts& facts, const Workload& workload,
                                          DataType type, std::int64_t scale);
// What denoising keeps of the prompts from step to step, and until the picture is done.
std::uint64_t prompt_bytes(const UNetFacts& facts, const Workload& workload, DataType type);
std::vector<Activations> transformer_activations(const DiffusionTransformerFacts& facts,
                                                 const Workload& workload, DataType type,
                                                 std::int64_t scale);
std::vector<Activations> decoder_activations(const DecoderFacts& facts, const Workload& workload,
                                             DataType type);

}  // namespace bafa::memory
