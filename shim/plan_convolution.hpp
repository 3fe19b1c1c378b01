// Convolution as a layer of a plan.
#pragma once

#include "onednn.hpp"

namespace shim {

struct Convolution : Layer {
  Tensor weight, bias, packed, input, arranged;
  Ints stride, padding, dilation;
  int64_t groups;
  bool relu = false;  // of a frozen layer only

  explicit Convolution(const shim_plan_layer &layer) : weight(borrow(layer.weight)), bias(borrow(layer.bias)) {
    Reader read{layer.integers};
    const int64_t dimensions = (layer.count - 1) / 3;
    stride = read.list(dimensions);
    padding = read.list(dimensions);
    dilation = read.list(dimensions);
    groups = read.one();
  }

  // With few input channels and strides some of oneDNN's kernels are wrong in channels_last (see docs/parity.md).
  bool channels_last_is_safe() const override {
    if (stride.size() != 2) return false;
    for (int64_t d = 0; d < 2; ++d) {
      if (padding[d] >= dilation[d] * (weight.size(d + 2) - 1) + 1) return false;
    }
    const bool strided = stride[0] > 1 || stride[1] > 1;
    const bool pointwise = weight.size(2) == 1 && weight.size(3) == 1;
    return !strided || weight.size(1) >= 8 || (!pointwise && weight.size(1) > 1);
  }

  double work(const Ints &output) const {
    double positions = static_cast<double>(output[0]);
    for (size_t d = 2; d < output.size(); ++d) positions *= static_cast<double>(output[d]);
    return 2 * positions * static_cast<double>(weight.numel());
  }

  Ints output_shape(at::IntArrayRef x) const {
    Ints shape{x[0], weight.size(0)};
    for (size_t d = 0; d < stride.size(); ++d) {
      const int64_t reach = dilation[d] * (weight.size(static_cast<int64_t>(d) + 2) - 1) + 1;
      shape.push_back((x[d + 2] + 2 * padding[d] - reach) / stride[d] + 1);
    }
    return shape;
  }

  void outline(Outline &outline) const override {
    if (outline.shape.size() != stride.size() + 2) return;
    outline.shape = output_shape(outline.shape);
    outline.work += work(outline.shape);
  }

  // A product with the unfolded image: the shortest way for little work.
  bool is_small(const Tensor &x) const {
    return x.dim() == 4 && stride.size() == 2 && is_plain(x) && groups == 1 && dilation == Ints{1, 1} &&
           x.is_contiguous() && work(output_shape(x.sizes())) < worth_onednn_convolution;
  }

  at::IntArrayRef kernel() const { return weight.sizes().slice(2); }

  Tensor compute(const Tensor &x, const Tensor &arranged) const {
    if (is_small(x)) return at::_slow_conv2d_forward(x, arranged, kernel(), optional(bias), stride, padding);
    return at::convolution(x, arranged, optional(bias), stride, padding, dilation, false, Ints(stride.size(), 0),
                           groups);
  }

  Tensor forward(const Tensor &x) override {
    // The weights themselves stay as they are: an optimizer's state and a file expect them so.
    arranged = x.dim() == 4 && x.is_contiguous(at::MemoryFormat::ChannelsLast) && !x.is_contiguous()
                   ? weight.contiguous(at::MemoryFormat::ChannelsLast)
                   : weight;
    input = x;
    return compute(x, arranged);
  }

  Tensor backward(const Tensor &gradient, bool input_needed) override {
    Tensor dx, dw, db;
    if (is_small(input)) {
      std::tie(dx, dw, db) = at::_slow_conv2d_backward(gradient, input, arranged, kernel(), stride, padding,
                                                       {input_needed, true, bias.defined()});
    } else {
      std::tie(dx, dw, db) = at::convolution_backward(
          gradient, input, arranged, at::OptionalIntArrayRef({weight.size(0)}), stride, padding, dilation, false,
          Ints(stride.size(), 0), groups, {input_needed, true, bias.defined()});
    }
    weight.mutable_grad() = dw.contiguous();
    if (bias.defined()) bias.mutable_grad() = db;
    input = arranged = Tensor();
    return dx;
  }

  void freeze(const Outline &outline) override {
    weight = copy(weight);
    bias = copy(bias);
    if (stride.size() != 2 || !is_plain(weight) || !channels_last_is_safe() || !convolution_pointwise() ||
        outline.shape.size() != 4) {
      return;
    }
    if (auto reorder = reorder_convolution_weight()) {
      packed = reorder->call(weight, padding, stride, dilation, groups, at::IntArrayRef(outline.shape));
    }
  }

  Tensor infer(const Tensor &x) const override {
    if (packed.defined() && x.dim() == 4 && is_plain(x) && !is_small(x)) {
      return convolution_pointwise()->call(x, packed, optional(bias), padding, stride, dilation, groups,
                                           relu ? "relu" : "none", Scalars(), Text());
    }
    Tensor y = compute(x, weight);
    return relu ? at::relu_(y) : y;
  }
};

}  // namespace shim
