// Colours for previews of a model that brings none: what its own decoder makes of patches of random
// latents, as a linear map. Once for a model; the device thread.
#pragma once

#include <cstdint>

#include "pipeline/model_settings.h"
#include "pipeline/parts.h"

namespace bafa::pipeline {

// Decodes one small picture. Always the same for the same decoder.
PreviewColours fit_preview(const Decoder& decoder, std::int64_t channels, at::Device device);

}  // namespace bafa::pipeline
