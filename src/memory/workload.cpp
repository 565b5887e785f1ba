#include "memory/workload.h"

#include <algorithm>
#include <array>
#include <utility>

namespace bafa::memory {
namespace {

constexpr std::int64_t kFloatBytes = 4;
// Scores of one block of attention, as nn::attention_by_rows() cuts it.
constexpr std::int64_t kBlockScores = 1LL << 21;   // on a processor
constexpr std::int64_t kDeviceScores = 1LL << 24;  // elsewhere
constexpr std::int64_t kTokenMultiple = 32;        // token sequences are padded to it
constexpr std::array<std::int64_t, 6> kTiles{256, 128, 96, 64, 48, 32};  // latents along a side

struct TypeRow {
  DataType type;
  std::string_view name;
  std::uint64_t bytes;
};

constexpr std::array<TypeRow, 3> kTypes{
    {{DataType::fp32, "fp32", 4}, {DataType::bf16, "bf16", 2}, {DataType::fp16, "fp16", 2}}};

const TypeRow& row_of(DataType type) { return *std::ranges::find(kTypes, type, &TypeRow::type); }

std::int64_t padded(std::int64_t tokens) {
  return (tokens + kTokenMultiple - 1) / kTokenMultiple * kTokenMultiple;
}

std::int64_t denoiser_rows(const Workload& workload) {
  return workload.batch * (workload.guided ? 2 : 1);
}

// Latents are kept in fp32: the sample, the prediction, the sampler's result.
std::int64_t latent_bytes(const Workload& workload, std::int64_t channels, std::int64_t scale) {
  const std::int64_t area = (workload.width / scale) * (workload.height / scale);
  return 3 * kFloatBytes * denoiser_rows(workload) * channels * area;
}

std::uint64_t bytes_of(std::int64_t elements, DataType type) {
  return static_cast<std::uint64_t>(elements) * size_bytes(type);
}

// Features alive for one token, the most of two moments of a layer:
//   attention     x, norm(x), q, k, v, the result (6), and q and k turned by rotary embeddings in
//                 fp32: both copies, both products and both rounded again (10 in bf16)
//   feed-forward  x, norm(x), the result (3), and gate, activated gate, value, their product (4
//                 times the width)
std::int64_t layer_features(const TransformerFacts& facts) {
  const std::int64_t attention = 16 * facts.features;
  const std::int64_t feed_forward = 3 * facts.features + 4 * facts.widest;
  return std::max(attention, feed_forward);
}

// The same for an encoder on a processor: nothing rotates, and q, k and v live as long as the
// layer.
std::int64_t cpu_encoder_features(const TransformerFacts& facts) {
  return 7 * facts.features + facts.widest;
}

// Elements alive in one level of the way up, where feature maps are widest and the skips of this
// level and of finer ones still wait:
//   resnet       x joined with its skip (the widest input), its norm, and a convolution's workspace
//                of that size (3 of the input); the block's hidden map and its shortcut (2)
//   transformer  the residual map, the tokens, their norm (3), GEGLU's values and gates (8), its
//                activated gates and the product (8), and maps that callers still hold (2)
// Self-attention is fused, or in chunks of queries: it keeps no scores to speak of.
std::int64_t plain_level_elements(const UNetFacts& facts, std::size_t level, std::int64_t area) {
  const std::int64_t own = facts.levels[level].channels;
  const std::int64_t coarser = facts.levels[std::min(level + 1, facts.levels.size() - 1)].channels;
  const std::int64_t finer = facts.levels[level == 0 ? 0 : level - 1].channels;
  const std::int64_t joined = own + std::max({own, coarser, finer});
  const std::int64_t resnet = 3 * joined + 2 * own;
  const std::int64_t transformer = facts.levels[level].transformers > 0 ? 21 * own : 0;
  return area * std::max(resnet, transformer);
}

// Of nn::attention_by_rows() on a processor, for `rows` images: x, the tokens, norm, q, k, v,
// result and the map (8); the scores of a block, and its heads' q, k, v and result apart (4).
std::int64_t cpu_attention_elements(const UNetLevelFacts& level, std::int64_t rows,
                                    std::int64_t area) {
  const std::int64_t heads =
      std::clamp<std::int64_t>(kBlockScores / (area * area), 1, rows * level.heads);
  const std::int64_t scores = std::min(heads * area * area, kBlockScores);
  return 8 * rows * area * level.channels + scores +
         4 * heads * area * level.channels / level.heads;
}

// The same with a processor's kernels, for `rows` images:
//   resnet       x joined with its skip and its norm (2 of the input), the hidden map, and the map
//                of the level below, which the level's caller holds
//   transformer  four maps and tokens, and GEGLU's values and gates (8) with their product (4)
std::int64_t cpu_level_elements(const UNetFacts& facts, std::size_t level, const Workload& work,
                                std::int64_t area) {
  const std::int64_t rows = denoiser_rows(work);
  const UNetLevelFacts& own = facts.levels[level];
  const std::int64_t coarser = facts.levels[std::min(level + 1, facts.levels.size() - 1)].channels;
  const std::int64_t finer = facts.levels[level == 0 ? 0 : level - 1].channels;
  const std::int64_t below = std::max(own.channels, coarser);
  const std::int64_t joined = own.channels + std::max(below, finer);
  const std::int64_t resnet = rows * area * (2 * joined + own.channels + below);
  if (own.transformers == 0) return resnet;
  const std::int64_t transformer = rows * area * 16 * own.channels;
  const bool by_rows = work.kernels == Kernels::cpu_with_rows;
  return std::max({resnet, transformer, by_rows ? cpu_attention_elements(own, rows, area) : 0});
}

// A convolution's weight that does not fit the size of its map is laid out anew for each call, by
// way of the plain layout: two copies. At the coarsest level, where maps are small.
std::int64_t reordered_weight(const UNetFacts& facts) {
  constexpr std::int64_t kKernelArea = 9;
  constexpr std::int64_t kCopies = 2;
  const std::int64_t own = facts.levels.back().channels;
  return kCopies * kKernelArea * 2 * own * own;
}

// Keys and values of the prompt in every transformer block, made once a prompt: both ways and the
// middle, layers + layers + 1 + 1 attentions at most in a level.
std::int64_t cross_attention_elements(const UNetFacts& facts, std::int64_t tokens) {
  std::int64_t elements = 0;
  for (const UNetLevelFacts& level : facts.levels) {
    elements += 2 * level.channels * tokens * level.transformers * (2 * level.layers + 2);
  }
  return elements;
}

struct Area {
  std::int64_t width;  // latents
  std::int64_t height;

  std::int64_t size() const { return width * height; }
};

// Elements alive while one picture, or one tile, is decoded, the most of
//   the middle   x, norm(x), q, k, v, the result (6), and a block's scores before and after
//                softmax: one head is as wide as all channels, which a graphics card's fused
//                kernels do not take. A processor's do, or else there are q, k, v once more (9)
//                and the scores of a block
//   a level      its first resnet, at the width of the level below: x, its norm, a convolution's
//                workspace (3), the hidden map (1 of its own); or its upsampler: the map, its
//                enlargement, the convolution's workspace and result (3 and a quarter).
// A processor's convolutions have no workspace.
std::int64_t decoder_elements(const DecoderFacts& facts, Area latents, Kernels kernels) {
  const bool plain = kernels == Kernels::plain;
  std::int64_t most = 0;
  if (facts.mid_attention) {
    const std::int64_t tokens = latents.size();
    most = 6 * facts.channels.back() * tokens;
    if (plain) most += 2 * std::min(tokens * tokens, kDeviceScores);
    if (kernels == Kernels::cpu_with_rows)
      most += 3 * facts.channels.back() * tokens + std::min(tokens * tokens, kBlockScores);
  }
  std::int64_t area = latents.size();
  for (std::size_t level = facts.channels.size(); level-- > 0;) {
    const std::int64_t own = facts.channels[level];
    const std::int64_t in = facts.channels[std::min(level + 1, facts.channels.size() - 1)];
    most = std::max(most, area * ((plain ? 3 : 2) * in + own));
    if (level > 0) most = std::max(most, area * (plain ? 13 : 9) * own);
    area *= 4;
  }
  return most;
}

// From decoded pictures to bytes: scaled and clamped in their type, all of them as fp32, then one
// after the other as fp32 twice and as bytes.
std::uint64_t pixel_bytes(const Workload& workload, DataType type) {
  constexpr std::int64_t kOnePicture = 3 * (2 * kFloatBytes + 1);
  const auto stored = static_cast<std::int64_t>(3 * row_of(type).bytes);
  const std::int64_t as_float = type == DataType::fp32 ? 0 : 3 * kFloatBytes;
  const std::int64_t a_pixel =
      std::max(3 * stored * workload.batch, (2 * stored + as_float) * workload.batch + kOnePicture);
  return static_cast<std::uint64_t>(a_pixel * workload.width * workload.height);
}

}  // namespace

std::uint64_t size_bytes(DataType type) { return row_of(type).bytes; }

std::string_view to_string(DataType type) { return row_of(type).name; }

std::optional<DataType> parse_data_type(std::string_view name) {
  const auto row = std::ranges::find(kTypes, name, &TypeRow::name);
  if (row == kTypes.end()) return std::nullopt;
  return row->type;
}

std::int64_t DecoderFacts::scale() const { return std::int64_t{1} << (channels.size() - 1); }

// One prompt: they are encoded in turn. A mask keeps some kernels from being fused: scores
// before and after softmax, for one layer.
std::vector<Activations> encoder_activations(const TransformerFacts& facts,
                                             const Workload& workload, DataType type) {
  const bool plain = workload.kernels == Kernels::plain;
  const std::int64_t tokens = plain ? padded(workload.tokens) : workload.tokens;
  const std::int64_t features = plain ? layer_features(facts) : cpu_encoder_features(facts);
  const std::int64_t one = tokens * features + 2 * facts.heads * tokens * tokens;
  return {{.bytes = bytes_of(one, type)}};
}

std::vector<Activations> unet_activations(const UNetFacts& facts, const Workload& workload,
                                          DataType type, std::int64_t scale) {
  const bool plain = workload.kernels == Kernels::plain;
  const std::int64_t rows = denoiser_rows(workload);
  const Area latents{workload.width / scale, workload.height / scale};
  std::int64_t most = 0;
  std::int64_t skips = 0;
  for (std::size_t level = 0; level < facts.levels.size(); ++level) {
    // Odd sides are rounded up on the way down.
    const auto halved = [level](std::int64_t side) {
      return (side + (std::int64_t{1} << level) - 1) >> level;
    };
    const std::int64_t area = halved(latents.width) * halved(latents.height);
    // One skip a resnet and one for the map that enters the level.
    skips += area * facts.levels[level].channels * (facts.levels[level].layers + 1);
    most =
        std::max(most, rows * skips + (plain ? rows * plain_level_elements(facts, level, area)
                                             : cpu_level_elements(facts, level, workload, area)));
  }
  if (!plain) most = std::max(most, rows * skips + reordered_weight(facts));
  // Kept for each prompt, and joined where there are several.
  const std::int64_t prompt = cross_attention_elements(facts, workload.tokens);
  const std::int64_t prompts = !plain && rows > 1 ? 2 * rows : rows;
  const std::int64_t latent = latent_bytes(workload, facts.latent_channels, scale);
  return {{.bytes = bytes_of(most + prompts * prompt, type) + static_cast<std::uint64_t>(latent)}};
}

std::uint64_t prompt_bytes(const UNetFacts& facts, const Workload& workload, DataType type) {
  return bytes_of(denoiser_rows(workload) * cross_attention_elements(facts, workload.tokens), type);
}

// One sequence of the picture's tokens and the prompt's, each padded.
std::vector<Activations> transformer_activations(const DiffusionTransformerFacts& facts,
                                                 const Workload& workload, DataType type,
                                                 std::int64_t scale) {
  const std::int64_t side = scale * facts.patch;
  const std::int64_t picture = padded((workload.width / side) * (workload.height / side));
  const std::int64_t prompt = padded(workload.tokens);
  const std::int64_t elements =
      (picture + prompt) * layer_features(facts.layers) + prompt * facts.layers.features;
  const std::int64_t latent = latent_bytes(workload, facts.latent_channels, scale);
  return {{.bytes = bytes_of(denoiser_rows(workload) * elements, type) +
                    static_cast<std::uint64_t>(latent)}};
}

// A whole batch is decoded at once, then turned into pixels by way of fp32. One by one, the
// pictures that are done wait as fp32 on the device, and one more while it is put together.
std::vector<Activations> decoder_activations(const DecoderFacts& facts, const Workload& workload,
                                             DataType type) {
  const std::int64_t scale = facts.scale();
  const Area whole{workload.width / scale, workload.height / scale};
  const std::int64_t canvas = 3 * kFloatBytes * workload.width * workload.height;
  const std::uint64_t latents =
      bytes_of(workload.batch * facts.latent_channels * whole.size(), type);
  const auto waiting = static_cast<std::uint64_t>((workload.batch + 1) * canvas) + latents;
  const bool plain = workload.kernels == Kernels::plain;
  const std::uint64_t network =
      bytes_of(workload.batch * decoder_elements(facts, whole, workload.kernels), type);
  const std::uint64_t pixels = pixel_bytes(workload, type);
  std::vector<Activations> choices{{.bytes = latents + std::max(network, pixels)}};
  const auto add = [&](Activations choice, Area area) {
    choice.bytes = waiting + bytes_of(decoder_elements(facts, area, workload.kernels), type);
    if (!plain) choice.bytes = std::max(choice.bytes, latents + pixels);
    if (choice.bytes < choices.back().bytes) choices.push_back(choice);
  };
  if (workload.batch > 1) add({.one_by_one = true}, whole);
  for (const std::int64_t tile : kTiles) {
    if (tile >= std::max(whole.width, whole.height)) continue;
    add({.one_by_one = workload.batch > 1, .tile = tile},
        {std::min(tile, whole.width), std::min(tile, whole.height)});
  }
  return choices;
}

}  // namespace bafa::memory
