// What the processor under us can do, asked once. Choosing a dtype or a kernel by it is the
// business of the caller. Any thread.
#pragma once

namespace bafa::device {

struct CpuFeatures {
  bool avx512 = false;       // F, BW, VL, DQ: what x86-64-v4 promises and oneDNN's bf16 needs
  bool avx512_bf16 = false;  // bf16 dot products
  bool amx_bf16 = false;     // bf16 matrix tiles
};

// As the processor and the operating system report them.
const CpuFeatures& cpu_features();

}  // namespace bafa::device
