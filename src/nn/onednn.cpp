#include "nn/onednn.h"

#include <ATen/Context.h>
#include <ATen/core/List.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/mkldnn_reorder_conv2d_weight.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/check.h"
#include "device/cpu_features.h"
#include "weights/host_form.h"

namespace bafa::nn::onednn {
namespace {

using Scalars = c10::List<std::optional<at::Scalar>>;
using Text = std::optional<std::string_view>;

// An operator that has a schema but no C++ declaration in the published headers.
template <typename Signature>
c10::TypedOperatorHandle<Signature> operator_named(const char* name, const char* overload = "") {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, overload).typed<Signature>();
}

std::optional<at::Tensor> optional(const at::Tensor& tensor) {
  return tensor.defined() ? std::optional<at::Tensor>(tensor) : std::nullopt;
}

struct Epilogue {
  std::string_view name;
  Text algorithm;
};

Epilogue epilogue(Activation activation) {
  switch (activation) {
    case Activation::none: return {"none", std::nullopt};
    case Activation::silu: return {"swish", std::nullopt};
    case Activation::gelu: return {"gelu", "none"};
    case Activation::gelu_tanh: return {"gelu", "tanh"};
    case Activation::relu: return {"relu", std::nullopt};
    case Activation::quick_gelu: break;
  }
  CHECK(false);
}

// `weight` in one of oneDNN's layouts, its plain one included.
at::Tensor reorder(const at::Tensor& weight, const ConvOptions& options,
                   at::OptionalIntArrayRef input = std::nullopt) {
  const std::array<std::int64_t, 2> padding{options.padding, options.padding};
  const std::array<std::int64_t, 2> stride{options.stride, options.stride};
  const std::array<std::int64_t, 2> dilation{1, 1};
  return at::mkldnn_reorder_conv2d_weight(weight, padding, stride, dilation, 1, input);
}

}  // namespace

bool can_fuse(Activation activation) { return activation != Activation::quick_gelu; }

bool can_pack(const at::Tensor& weight) {
  if (!weight.device().is_cpu() || !at::hasMKLDNN()) return false;
  if (weight.scalar_type() == at::kFloat) return true;
  return weight.scalar_type() == at::kBFloat16 && device::cpu_features().avx512;
}

at::Tensor pack_linear(const at::Tensor& weight) {
  using Reorder = at::Tensor(const at::Tensor&, std::optional<std::int64_t>);
  static const auto kReorder = operator_named<Reorder>("mkldnn::_reorder_linear_weight");
  return kReorder.call(weight.contiguous(), std::nullopt);
}

at::Tensor linear(const at::Tensor& x, const at::Tensor& packed, const at::Tensor& bias,
                  Activation activation) {
  using Pointwise = at::Tensor(const at::Tensor&, const at::Tensor&,
                               const std::optional<at::Tensor>&, std::string_view, Scalars, Text);
  static const auto kPointwise = operator_named<Pointwise>("mkldnn::_linear_pointwise");
  const Epilogue after = epilogue(activation);
  return kPointwise.call(x, packed, optional(bias), after.name, Scalars(), after.algorithm);
}

at::Tensor linear_add(const at::Tensor& x, const at::Tensor& residual, const at::Tensor& packed,
                      const at::Tensor& bias) {
  using Binary = at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&,
                            const std::optional<at::Tensor>&, std::string_view);
  static const auto kBinary = operator_named<Binary>("mkldnn::_linear_pointwise", "binary");
  return kBinary.call(x, residual, packed, optional(bias), "add");
}

at::Tensor pack_conv2d(const at::Tensor& weight, const ConvOptions& options) {
  at::Tensor plain = weight.contiguous(at::MemoryFormat::ChannelsLast);
  plain = plain.to_mkldnn();  // and the copy goes before there is another
  return reorder(plain, options);
}

bool fits(const at::Tensor& packed, at::IntArrayRef input, const ConvOptions& options) {
  const at::Tensor wanted = reorder(packed, options, input);
  // Weights that are equal however they lie, such as all zero, count as fitting.
  return std::ranges::equal(weights::packed_bytes(packed), weights::packed_bytes(wanted));
}

at::Tensor fit(const at::Tensor& packed, at::IntArrayRef input, const ConvOptions& options) {
  // By way of the plain layout: from there and to it oneDNN has fast code. Never three at once.
  at::Tensor plain = packed.to_dense();
  plain = plain.to_mkldnn();
  return reorder(plain, options, input);
}

at::Tensor conv2d(const at::Tensor& x, const at::Tensor& packed, const at::Tensor& bias,
                  const ConvOptions& options) {
  using Pointwise = at::Tensor(const at::Tensor&, const at::Tensor&,
                               const std::optional<at::Tensor>&, at::IntArrayRef, at::IntArrayRef,
                               at::IntArrayRef, std::int64_t, std::string_view, Scalars, Text);
  static const auto kPointwise = operator_named<Pointwise>("mkldnn::_convolution_pointwise");
  const std::array<std::int64_t, 2> padding{options.padding, options.padding};
  const std::array<std::int64_t, 2> stride{options.stride, options.stride};
  const std::array<std::int64_t, 2> dilation{1, 1};
  const Epilogue after = epilogue(options.activation);
  return kPointwise.call(x, packed, optional(bias), padding, stride, dilation, 1, after.name,
                         Scalars(), after.algorithm);
}

at::Tensor conv2d_add(const at::Tensor& x, at::Tensor sum, const at::Tensor& packed,
                      const at::Tensor& bias, const ConvOptions& options) {
  using Binary = at::Tensor&(at::Tensor&, const at::Tensor&, const at::Tensor&,
                             const std::optional<at::Tensor>&, at::IntArrayRef, at::IntArrayRef,
                             at::IntArrayRef, std::int64_t, std::string_view,
                             std::optional<at::Scalar>, Text, Scalars, Text);
  // Not the operator that leaves its summand alone: it lays that out anew first.
  static const auto kBinary = operator_named<Binary>("mkldnn::_convolution_pointwise_", "binary");
  const std::array<std::int64_t, 2> padding{options.padding, options.padding};
  const std::array<std::int64_t, 2> stride{options.stride, options.stride};
  const std::array<std::int64_t, 2> dilation{1, 1};
  // The operator knows no other, nor a name for none.
  Text after;
  if (options.activation == Activation::relu) after = "relu";
  return kBinary.call(sum, x, packed, optional(bias), padding, stride, dilation, 1, "add",
                      std::nullopt, after, Scalars(), std::nullopt);
}

}  // namespace bafa::nn::onednn
