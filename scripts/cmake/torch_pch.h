// Precompiled for every room with libtorch: ATen's core headers, which cost seconds each time they
// are parsed. A file still includes what it uses: the sanitizer builds have no such header.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
