#define BAFA_KERNELS kernels_v4
#include "nn/cpu/kernels_impl.h"
