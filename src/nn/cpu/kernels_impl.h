// The loops behind nn/cpu/kernels.h, included by one file for each instruction set, which defines
// BAFA_KERNELS as the name of its table. The compiler vectorises them; to turn min and max into one
// instruction it is told that numbers are finite (-ffinite-math-only), so NaN and infinity may only
// be passed on by arithmetic, never compared. Nothing else may be included here: an inline function
// of a library, compiled for AVX-512, could end up in use everywhere.
#include <cstdint>

#include "nn/cpu/kernels.h"

namespace bafa::nn::cpu {
namespace {

inline float bits_to_float(std::uint32_t bits) { return __builtin_bit_cast(float, bits); }
inline std::uint32_t float_to_bits(float value) { return __builtin_bit_cast(std::uint32_t, value); }

inline float load(float value) { return value; }
inline float load(Bf16Bits bits) { return bits_to_float(static_cast<std::uint32_t>(bits) << 16); }

inline void store(float value, float& to) { to = value; }

// Rounds to nearest, ties to even; NaN, known by its bits, stays NaN.
inline void store(float value, Bf16Bits& to) {
  const std::uint32_t bits = float_to_bits(value);
  const std::uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  to = static_cast<Bf16Bits>((bits & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : rounded);
}

// e^x to 1e-7 relative; below -87 it is about 1e-38, above 88 about 1e38.
inline float exponential(float x) {
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer
  x = x < -87.0F ? -87.0F : x;
  x = x > 88.0F ? 88.0F : x;
  const float shifted = x * 1.44269504F + kRound;
  const float power = shifted - kRound;
  const float r = x - power * 0.693359375F + power * 2.12194440e-4F;  // ln 2 in two parts
  float y = 1.9875691500e-4F;                                         // Cephes expf
  y = y * r + 1.3981999507e-3F;
  y = y * r + 8.3334519073e-3F;
  y = y * r + 4.1665795894e-2F;
  y = y * r + 1.6666665459e-1F;
  y = y * r + 5.0000001201e-1F;
  y = y * r * r + r + 1.0F;
  const std::uint32_t exponent = (float_to_bits(shifted) - float_to_bits(kRound) + 127) << 23;
  return y * bits_to_float(exponent);
}

inline float silu(float x) { return x / (1.0F + exponential(-x)); }

// x * Phi(x); erf by Abramowitz and Stegun 7.1.26, absolute error 1.5e-7.
inline float gelu(float x) {
  const float z = x * 0.70710678F;
  const float magnitude = z < 0 ? -z : z;
  const float t = 1.0F / (1.0F + 0.3275911F * magnitude);
  float y = 1.061405429F;
  y = y * t - 1.453152027F;
  y = y * t + 1.421413741F;
  y = y * t - 0.284496736F;
  y = y * t + 0.254829592F;
  const float tail = y * t * exponential(-z * z);  // 1 - erf(|z|)
  return 0.5F * x * (z < 0 ? tail : 2.0F - tail);
}

template <typename T>
void moments(const T* x, std::int64_t rows, std::int64_t columns, const float* pivot, float* sums,
             float* squares) {
  for (std::int64_t row = 0; row < rows; ++row, x += columns) {
#pragma omp simd
    for (std::int64_t c = 0; c < columns; ++c) {
      const float value = load(x[c]) - pivot[c];
      sums[c] += value;
      squares[c] += value * value;
    }
  }
}

template <typename T>
void affine(const T* x, std::int64_t rows, std::int64_t columns, const float* scale,
            const float* shift, bool with_silu, T* y) {
  for (std::int64_t row = 0; row < rows; ++row, x += columns, y += columns) {
    if (with_silu) {
#pragma omp simd
      for (std::int64_t c = 0; c < columns; ++c) {
        store(silu(load(x[c]) * scale[c] + shift[c]), y[c]);
      }
    } else {
#pragma omp simd
      for (std::int64_t c = 0; c < columns; ++c) {
        store(load(x[c]) * scale[c] + shift[c], y[c]);
      }
    }
  }
}

template <typename T>
void geglu(const T* x, std::int64_t rows, std::int64_t columns, T* y) {
  for (std::int64_t row = 0; row < rows; ++row, x += 2 * columns, y += columns) {
    const T* gates = x + columns;
#pragma omp simd
    for (std::int64_t c = 0; c < columns; ++c) store(load(x[c]) * gelu(load(gates[c])), y[c]);
  }
}

template <typename T>
void silu_gated(const T* x, std::int64_t rows, std::int64_t columns, T* y) {
  for (std::int64_t row = 0; row < rows; ++row, x += 2 * columns, y += columns) {
    const T* values = x + columns;
#pragma omp simd
    for (std::int64_t c = 0; c < columns; ++c) store(silu(load(x[c])) * load(values[c]), y[c]);
  }
}

template <typename T>
float inverse_rms(const T* x, std::int64_t columns, float eps) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t c = 0; c < columns; ++c) sum += load(x[c]) * load(x[c]);
  return 1.0F / __builtin_sqrtf(sum / static_cast<float>(columns) + eps);
}

template <typename T>
void rms_norm(const T* x, std::int64_t rows, std::int64_t columns, const float* factor, float eps,
              const T* residual, T* y) {
  for (std::int64_t row = 0; row < rows; ++row, x += columns, y += columns) {
    const float inverse = inverse_rms(x, columns, eps);
    if (residual != nullptr) {
#pragma omp simd
      for (std::int64_t c = 0; c < columns; ++c) {
        store(load(residual[c]) + load(x[c]) * inverse * factor[c], y[c]);
      }
      residual += columns;
    } else {
#pragma omp simd
      for (std::int64_t c = 0; c < columns; ++c) store(load(x[c]) * inverse * factor[c], y[c]);
    }
  }
}

template <typename T>
void norm_rotate(T* x, std::int64_t heads, std::int64_t half, const float* weight, float eps,
                 const float* cosine, const float* sine) {
  for (std::int64_t head = 0; head < heads; ++head, x += 2 * half) {
    const float inverse = inverse_rms(x, 2 * half, eps);
    T* upper = x + half;
#pragma omp simd
    for (std::int64_t j = 0; j < half; ++j) {
      const float a = load(x[j]) * inverse * weight[j];
      const float b = load(upper[j]) * inverse * weight[half + j];
      store(a * cosine[j] - b * sine[j], x[j]);
      store(b * cosine[j] + a * sine[j], upper[j]);
    }
  }
}

template <typename T>
void softmax(T* x, std::int64_t rows, std::int64_t columns, float* scratch) {
  for (std::int64_t row = 0; row < rows; ++row, x += columns) {
    float most = load(x[0]);
#pragma omp simd reduction(max : most)
    for (std::int64_t c = 0; c < columns; ++c) most = load(x[c]) > most ? load(x[c]) : most;
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t c = 0; c < columns; ++c) {
      scratch[c] = exponential(load(x[c]) - most);
      sum += scratch[c];
    }
    const float factor = 1.0F / sum;
#pragma omp simd
    for (std::int64_t c = 0; c < columns; ++c) store(scratch[c] * factor, x[c]);
  }
}

template <typename T>
constexpr KernelsOf<T> kTable{moments<T>,  affine<T>,      geglu<T>,  silu_gated<T>,
                              rms_norm<T>, norm_rotate<T>, softmax<T>};

}  // namespace

const Kernels& BAFA_KERNELS() {
  static constexpr Kernels kKernels{kTable<float>, kTable<Bf16Bits>};
  return kKernels;
}

}  // namespace bafa::nn::cpu
