// From the decoder's numbers to 8-bit pixels. Pure; the device thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "bafa/image.h"
#include "pipeline/model_settings.h"

namespace bafa::pipeline {

// decoded [B, 3, H, W], about -1..1, any floating type -> B pictures, to the bit as diffusers'
// VaeImageProcessor: x / 2 + 1/2 and the clamp in the decoder's type, then times 255 in fp32,
// rounded half to even. The values must be finite.
std::vector<Image> to_images(const at::Tensor& decoded);

// latents [C, h, w] fp32 -> a picture of h * w pixels.
Image to_preview(const at::Tensor& latents, const PreviewColours& colours);

bool all_finite(const at::Tensor& values);

}  // namespace bafa::pipeline
