#include "onednn.hpp"

#include <ATen/Context.h>

#include <algorithm>

namespace shim {
namespace {

template <class Signature>
OneDNN<Signature> find(const char *name) {
  try {
    if (!at::globalContext().userEnabledMkldnn() || !at::hasMKLDNN()) return {};
    if (auto found = c10::Dispatcher::singleton().findSchema({name, ""})) return found->typed<Signature>();
  } catch (const c10::Error &) {  // another signature than the one known here
  }
  return {};
}

}  // namespace

const OneDNN<LinearPointwise> &linear_pointwise() {
  static const auto found = find<LinearPointwise>("mkldnn::_linear_pointwise");
  return found;
}

const OneDNN<ConvolutionPointwise> &convolution_pointwise() {
  static const auto found = find<ConvolutionPointwise>("mkldnn::_convolution_pointwise");
  return found;
}

const OneDNN<ReorderConvolutionWeight> &reorder_convolution_weight() {
  static const auto found = find<ReorderConvolutionWeight>("mkldnn::_reorder_convolution_weight");
  return found;
}

const OneDNN<ReorderLinearWeight> &reorder_linear_weight() {
  static const auto found = find<ReorderLinearWeight>("mkldnn::_reorder_linear_weight");
  return found;
}

double largest(const Tensor &x) {
  if (x.numel() == 0) return 0;
  const auto [low, high] = at::aminmax(x);  // NaN, both, where there is one
  return std::max(-low.item<double>(), high.item<double>());
}

Tensor product(const Tensor &x, const Tensor &w, const Tensor &bias) {
  if (x.dim() == 2 && is_plain(x) && is_plain(w) && x.size(1) == w.size(1) && linear_pointwise() &&
      2.0 * static_cast<double>(x.size(0)) * static_cast<double>(w.numel()) >= worth_onednn_product) {
    return linear_pointwise()->call(x, w, optional(bias), "none", Scalars(), Text());
  }
  return bias.defined() ? at::addmm(bias, x, w.t()) : at::mm(x, w.t());
}

}  // namespace shim
