// The dense layer of a plan.
#pragma once

#include "onednn.hpp"

namespace shim {

struct Linear : Layer {
  Parameter weight, bias;
  Tensor packed, input;
  Gain gain;          // of a frozen layer only
  bool relu = false;  // of a frozen layer only

  explicit Linear(const shim_plan_layer &layer) : weight{borrow(layer.weight)}, bias{borrow(layer.bias)} {}

  void parameters(std::vector<Parameter *> &list) override { list.insert(list.end(), {&weight, &bias}); }
  bool trains() const override { return weight.wanted() || bias.wanted(); }
  bool gives_away() const override { return true; }

  Tensor compute(const Tensor &x) const {
    return x.dim() == 2 ? product(x, weight.value, bias.value) : at::linear(x, weight.value, optional(bias.value));
  }

  Tensor forward(const Tensor &x) override {
    input = x;
    return compute(x);
  }

  Tensor backward(const Tensor &gradient, bool input_needed) override {
    // Of an input with more dimensions than two, every row is an image.
    const Tensor rows = gradient.dim() == 2 ? gradient : gradient.reshape({-1, weight.value.size(0)});
    const Tensor x = std::exchange(input, Tensor());
    if (weight.wanted()) {
      weight.give(product(rows.t(), (x.dim() == 2 ? x : x.reshape({-1, weight.value.size(1)})).t(), {}));
    }
    if (bias.wanted()) bias.give(at::sum(rows, at::IntArrayRef{0}));
    if (!input_needed) return {};
    const Tensor dx = product(rows, weight.value.t(), {});
    return x.dim() == 2 ? dx : dx.reshape(x.sizes());
  }

  double work(int64_t batch) const {
    return 2.0 * static_cast<double>(batch) * static_cast<double>(weight.value.numel());
  }

  void freeze(const Outline &outline) override {
    weight.value = copy(weight.value);
    bias.value = copy(bias.value);
    if (!is_plain(weight.value)) return;
    gain = Gain(weight.value, bias.value);
    if (!linear_pointwise() || outline.shape.size() != 2 || work(outline.shape[0]) < worth_onednn_product) return;
    if (auto reorder = reorder_linear_weight()) packed = reorder->call(weight.value, outline.shape[0]);
  }

  void outline(Outline &outline) const override {
    if (!outline.shape.empty()) outline.shape.back() = weight.value.size(0);
  }

  Tensor infer(const Tensor &x, double &most) const override {
    if (packed.defined() && x.dim() == 2 && is_plain(x) && work(x.size(0)) >= worth_onednn_product) {
      const bool joined = relu && gain.stays_finite(x, most);
      Tensor y = linear_pointwise()->call(x.contiguous(), packed, optional(bias.value), joined ? "relu" : "none",
                                          Scalars(), Text());
      if (!relu) gain.apply(most);
      return relu && !joined ? at::relu_(y) : y;
    }
    gain.apply(most);
    Tensor y = compute(x);
    return relu ? at::relu_(y) : y;
  }
};

}  // namespace shim
