// The dense layer of a plan.
#pragma once

#include "onednn.hpp"

namespace shim {

// `parameter`'s gradient with its own storage from step to step.
inline Tensor &gradient_of(const Tensor &parameter) {
  Tensor &gradient = parameter.mutable_grad();
  if (!gradient.defined()) gradient = at::empty_like(parameter);
  return gradient;
}

struct Linear : Layer {
  Tensor weight, bias, packed, input;
  bool relu = false;  // of a frozen layer only

  explicit Linear(const shim_plan_layer &layer) : weight(borrow(layer.weight)), bias(borrow(layer.bias)) {}

  Tensor forward(const Tensor &x) override {
    input = x;
    return product(x, weight, bias);
  }

  Tensor backward(const Tensor &gradient, bool input_needed) override {
    weight.mutable_grad() = product(gradient.t(), input.t(), {});
    if (bias.defined()) at::sum_out(gradient_of(bias), gradient, 0);
    input = Tensor();
    return input_needed ? product(gradient, weight.t(), {}) : Tensor();
  }

  double work(int64_t batch) const { return 2.0 * static_cast<double>(batch) * static_cast<double>(weight.numel()); }

  void freeze(const Outline &outline) override {
    weight = copy(weight);
    bias = copy(bias);
    if (!is_plain(weight) || !linear_pointwise() || outline.shape.size() != 2) return;
    if (work(outline.shape[0]) < worth_onednn_product) return;
    if (auto reorder = reorder_linear_weight()) packed = reorder->call(weight, outline.shape[0]);
  }

  void outline(Outline &outline) const override {
    if (outline.shape.size() == 2) outline.shape[1] = weight.size(0);
  }

  Tensor infer(const Tensor &x) const override {
    if (packed.defined() && x.dim() == 2 && is_plain(x) && work(x.size(0)) >= worth_onednn_product) {
      return linear_pointwise()->call(x, packed, optional(bias), relu ? "relu" : "none", Scalars(), Text());
    }
    Tensor y = product(x, weight, bias);
    return relu ? at::relu_(y) : y;
  }
};

}  // namespace shim
