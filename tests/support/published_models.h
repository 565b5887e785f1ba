// Folders of published checkpoints as their headers and configs have them, without weights: for
// everything that is decided from headers alone.
#pragma once

#include <filesystem>

namespace bafa::test {

void write_sd15(const std::filesystem::path& folder);           // fp16, one file a part
void write_sdxl(const std::filesystem::path& folder);           // the fp16 variant
void write_z_image_turbo(const std::filesystem::path& folder);  // shards of fp32 and bf16

}  // namespace bafa::test
