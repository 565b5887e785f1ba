// Noise levels evenly spaced in the 7th root of sigma, and the timesteps they stand at. Karras et
// al., Elucidating the Design Space of Diffusion-Based Generative Models (2022). Pure functions.
#pragma once

#include <ATen/core/Tensor.h>

namespace bafa::sampler {

// From the larger to the smaller: [steps] fp64
at::Tensor karras_sigmas(double largest, double smallest, int steps);

// Where each of `sigmas` lies among the training's (`levels`, [T] fp32, rising), on a scale of
// logarithms: [N] fp64, 0..T-1
at::Tensor timesteps_at(const at::Tensor& sigmas, const at::Tensor& levels);

}  // namespace bafa::sampler
