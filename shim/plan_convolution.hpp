// Convolution as a layer of a plan.
#pragma once

#include "onednn.hpp"

namespace shim {

struct Convolution : Layer {
  Parameter weight, bias;
  Tensor packed, input, arranged;
  Ints stride, padding, dilation;
  int64_t groups;
  Gain gain;          // of a frozen layer only
  bool relu = false;  // of a frozen layer only

  explicit Convolution(const shim_plan_layer &layer) : weight{borrow(layer.weight)}, bias{borrow(layer.bias)} {
    Reader read{layer.integers};
    const int64_t dimensions = (layer.count - 1) / 3;
    stride = read.list(dimensions);
    padding = read.list(dimensions);
    dilation = read.list(dimensions);
    groups = read.one();
  }

  void parameters(std::vector<Parameter *> &list) override { list.insert(list.end(), {&weight, &bias}); }
  bool trains() const override { return weight.wanted() || bias.wanted(); }
  bool gives_away() const override { return true; }

  // With few input channels and strides some of oneDNN's kernels are wrong in channels_last (see docs/parity.md).
  bool channels_last_is_safe() const override {
    if (stride.size() != 2) return false;
    for (int64_t d = 0; d < 2; ++d) {
      if (padding[d] >= dilation[d] * (weight.value.size(d + 2) - 1) + 1) return false;
    }
    const bool strided = stride[0] > 1 || stride[1] > 1;
    const bool pointwise = weight.value.size(2) == 1 && weight.value.size(3) == 1;
    return !strided || weight.value.size(1) >= 8 || (!pointwise && weight.value.size(1) > 1);
  }

  double work(const Ints &output) const {
    double positions = static_cast<double>(output[0]);
    for (size_t d = 2; d < output.size(); ++d) positions *= static_cast<double>(output[d]);
    return 2 * positions * static_cast<double>(weight.value.numel());
  }

  Ints output_shape(at::IntArrayRef x) const {
    Ints shape{x[0], weight.value.size(0)};
    for (size_t d = 0; d < stride.size(); ++d) {
      const int64_t reach = dilation[d] * (weight.value.size(static_cast<int64_t>(d) + 2) - 1) + 1;
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

  at::IntArrayRef kernel() const { return weight.value.sizes().slice(2); }

  Tensor compute(const Tensor &x, const Tensor &arranged) const {
    if (is_small(x)) return at::_slow_conv2d_forward(x, arranged, kernel(), optional(bias.value), stride, padding);
    return at::convolution(x, arranged, optional(bias.value), stride, padding, dilation, false, Ints(stride.size(), 0),
                           groups);
  }

  Tensor forward(const Tensor &x) override {
    // The weights themselves stay as they are: an optimizer's state and a file expect them so.
    arranged = x.dim() == 4 && x.is_contiguous(at::MemoryFormat::ChannelsLast) && !x.is_contiguous()
                   ? weight.value.contiguous(at::MemoryFormat::ChannelsLast)
                   : weight.value;
    input = x;
    return compute(x, arranged);
  }

  Tensor backward(const Tensor &gradient, bool input_needed) override {
    Tensor dx, dw, db;
    const std::array<bool, 3> needed{input_needed, weight.wanted(), bias.wanted()};
    if (is_small(input)) {
      std::tie(dx, dw, db) = at::_slow_conv2d_backward(gradient, input, arranged, kernel(), stride, padding, needed);
    } else {
      std::tie(dx, dw, db) = at::convolution_backward(
          gradient, input, arranged, at::OptionalIntArrayRef({weight.value.size(0)}), stride, padding, dilation, false,
          Ints(stride.size(), 0), groups, needed);
    }
    if (needed[1]) weight.give(dw.contiguous());
    if (needed[2]) bias.give(db);
    input = arranged = Tensor();
    return dx;
  }

  void freeze(const Outline &outline) override {
    weight.value = copy(weight.value);
    bias.value = copy(bias.value);
    if (!is_plain(weight.value)) return;
    gain = Gain(weight.value, bias.value);
    if (stride.size() != 2 || !channels_last_is_safe() || !convolution_pointwise() || outline.shape.size() != 4) return;
    if (auto reorder = reorder_convolution_weight()) {
      packed = reorder->call(weight.value, padding, stride, dilation, groups, at::IntArrayRef(outline.shape));
    }
  }

  Tensor infer(const Tensor &x, double &most) const override {
    if (packed.defined() && x.dim() == 4 && is_plain(x) && !is_small(x)) {
      const bool joined = relu && gain.stays_finite(x, most);
      Tensor y = convolution_pointwise()->call(x, packed, optional(bias.value), padding, stride, dilation, groups,
                                               joined ? "relu" : "none", Scalars(), Text());
      if (!relu) gain.apply(most);
      return relu && !joined ? at::relu_(y) : y;
    }
    gain.apply(most);
    Tensor y = compute(x, weight.value);
    return relu ? at::relu_(y) : y;
  }
};

}  // namespace shim
