#define BAFA_KERNELS kernels_v3
#include "nn/cpu/kernels_impl.h"
