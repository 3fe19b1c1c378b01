// oneDNN's own kernels, where libtorch's dispatcher has them.
#pragma once

#include "plan.hpp"

#include <ATen/core/dispatch/Dispatcher.h>

#include <limits>
#include <string_view>

namespace shim {

using Scalars = c10::List<std::optional<at::Scalar>>;
using Text = std::optional<std::string_view>;
template <class Signature>
using OneDNN = std::optional<c10::TypedOperatorHandle<Signature>>;

// Operators of libtorch that have no function in its headers. Empty where this libtorch has no such operator or
// oneDNN is off, as on other processors than x86-64.
using LinearPointwise = Tensor(const Tensor &, const Tensor &, const std::optional<Tensor> &, std::string_view,
                               Scalars, Text);
using ConvolutionPointwise = Tensor(const Tensor &, const Tensor &, const std::optional<Tensor> &, at::IntArrayRef,
                                    at::IntArrayRef, at::IntArrayRef, int64_t, std::string_view, Scalars, Text);
using ReorderConvolutionWeight = Tensor(const Tensor &, at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, int64_t,
                                        at::OptionalIntArrayRef);
using ReorderLinearWeight = Tensor(const Tensor &, std::optional<int64_t>);
const OneDNN<LinearPointwise> &linear_pointwise();
const OneDNN<ConvolutionPointwise> &convolution_pointwise();
const OneDNN<ReorderConvolutionWeight> &reorder_convolution_weight();
const OneDNN<ReorderLinearWeight> &reorder_linear_weight();

// Below these, libtorch's short ways through MKL are faster than oneDNN's kernels with their longer way in
// (floating-point operations; measured on one and two cores with AVX-512).
constexpr double worth_onednn_product = 2e6;
constexpr double worth_onednn_convolution = 4e6;

// The product that a dense layer and its backward pass consist of, x·wᵀ (+ bias): by oneDNN, which unlike MKL uses
// all of any processor, where the matrices are large enough for its longer way in.
Tensor product(const Tensor &x, const Tensor &w, const Tensor &bias);

inline std::optional<Tensor> optional(const Tensor &tensor) {
  return tensor.defined() ? std::optional<Tensor>(tensor) : std::nullopt;
}

inline bool is_plain(const Tensor &x) { return x.is_cpu() && x.scalar_type() == at::kFloat; }

// The largest magnitude in x, which is_plain; NaN where one is in it.
double largest(const Tensor &x);

// How far the results of a layer are from zero: |y| ≤ factor·|x| + shift. oneDNN's joined ReLU gives 0 for NaN, and so is
// used only where no NaN can arise: where nothing on the way leaves the range of float32.
struct Gain {
  double factor = std::numeric_limits<double>::infinity(), shift = 0;

  Gain() = default;
  Gain(const Tensor &weight, const Tensor &bias) {
    const Tensor sums = weight.abs().flatten(1).sum(at::IntArrayRef{1}, false, at::kDouble);
    if (sums.numel() > 0) factor = sums.max().item<double>();
    if (bias.defined() && bias.numel() > 0) shift = bias.abs().max().item<double>();
  }

  void apply(double &most) const { most = factor * most + shift; }

  // Whether the layer's results for x, none of which is larger than `most`, are finite for certain. Where what is known
  // is not enough, x is looked at.
  bool stays_finite(const Tensor &x, double &most) const {
    constexpr double limit = std::numeric_limits<float>::max() / 2;
    double result = most;
    apply(result);
    if (!(result < limit) && factor < limit) {
      result = largest(x);
      apply(result);
    }
    most = result;
    return result < limit;
  }
};

inline Tensor copy(const Tensor &parameter) { return parameter.defined() ? parameter.detach().clone() : Tensor(); }

}  // namespace shim
