// Pooling as layers of a plan.
#pragma once

#include "pooling.hpp"

#include <cmath>

namespace shim {

// How many windows there are: `room` is how far the first may move, and each begins before `end`.
inline int64_t windows(int64_t room, int64_t end, int64_t stride, bool ceil_mode) {
  const int64_t count = (room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
  return ceil_mode && (count - 1) * stride >= end ? count - 1 : count;
}

struct MaxPool2d : Layer {
  Ints kernel, stride, padding, dilation, sizes;
  bool ceil_mode, touching = false;
  bool relu = false;  // a ReLU comes before
  Tensor input, indices, output;

  explicit MaxPool2d(const shim_plan_layer &layer) {
    Reader read{layer.integers};
    kernel = read.list(2);
    stride = read.list(2);
    padding = read.list(2);
    dilation = read.list(2);
    ceil_mode = read.one() != 0;
  }

  void outline(Outline &outline) const override {
    if (outline.shape.size() != 4) return;
    for (size_t d = 0; d < 2; ++d) {
      int64_t &size = outline.shape[d + 2];
      const int64_t room = size + 2 * padding[d] - dilation[d] * (kernel[d] - 1) - 1;
      size = windows(room, size + padding[d], stride[d], ceil_mode);
    }
  }

  bool touches(const Tensor &x) const { return pools_touch(x, kernel, stride, padding, dilation, ceil_mode); }

  Tensor forward(const Tensor &x) override {
    touching = touches(x);
    if (touching) {
      sizes = x.sizes().vec();
      std::tie(output, indices) = touching_max_pool2d(x, kernel, relu, true);
      return output;
    }
    input = relu ? at::relu(x) : x;
    Tensor pooled;
    std::tie(pooled, indices) = at::max_pool2d_with_indices(input, kernel, stride, padding, dilation, ceil_mode);
    return pooled;
  }

  Tensor backward(const Tensor &gradient, bool) override {
    if (touching) {
      return touching_max_pool2d_backward(gradient, std::exchange(output, Tensor()),
                                          std::exchange(indices, Tensor()), sizes, kernel, relu);
    }
    const Tensor x = std::exchange(input, Tensor());
    Tensor dx = at::max_pool2d_with_indices_backward(gradient, x, kernel, stride, padding, dilation, ceil_mode,
                                                     std::exchange(indices, Tensor()));
    return relu ? at::threshold_backward(dx, x, 0) : dx;
  }

  Tensor infer(const Tensor &x, double &) const override {
    if (touches(x)) return touching_max_pool2d(x, kernel, relu, false).first;
    return std::get<0>(at::max_pool2d_with_indices(relu ? at::relu(x) : x, kernel, stride, padding, dilation, ceil_mode));
  }
};

struct AveragePool2d : Layer {
  Ints kernel, stride, padding;
  bool ceil_mode, count_include_pad;
  std::optional<int64_t> divisor;
  Tensor input;

  explicit AveragePool2d(const shim_plan_layer &layer) {
    Reader read{layer.integers};
    kernel = read.list(2);
    stride = read.list(2);
    padding = read.list(2);
    ceil_mode = read.one() != 0;
    count_include_pad = read.one() != 0;
    if (int64_t given = read.one()) divisor = given;
  }

  void outline(Outline &outline) const override {
    if (outline.shape.size() != 4) return;
    for (size_t d = 0; d < 2; ++d) {
      int64_t &size = outline.shape[d + 2];
      size = windows(size + 2 * padding[d] - kernel[d], size + padding[d], stride[d], ceil_mode);
    }
  }

  Tensor compute(const Tensor &x) const {
    return at::avg_pool2d(x, kernel, stride, padding, ceil_mode, count_include_pad, divisor);
  }

  Tensor forward(const Tensor &x) override {
    input = x;
    return compute(x);
  }

  Tensor backward(const Tensor &gradient, bool) override {
    return at::avg_pool2d_backward(gradient, std::exchange(input, Tensor()), kernel, stride, padding, ceil_mode,
                                   count_include_pad, divisor);
  }

  Tensor infer(const Tensor &x, double &most) const override {
    if (divisor) most *= static_cast<double>(kernel[0] * kernel[1]) / std::abs(static_cast<double>(*divisor));
    return compute(x);
  }
};

struct AdaptiveAveragePool2d : Layer {
  Ints size, sizes;
  at::MemoryFormat format = at::MemoryFormat::Contiguous;
  Tensor input;

  explicit AdaptiveAveragePool2d(const shim_plan_layer &layer) : size(Reader{layer.integers}.list(2)) {}

  bool is_global() const { return size == Ints{1, 1}; }

  void outline(Outline &outline) const override {
    if (outline.shape.size() == 4) outline.shape = {outline.shape[0], outline.shape[1], size[0], size[1]};
  }

  // To one value a channel PyTorch takes the plain mean.
  Tensor compute(const Tensor &x) const {
    return is_global() ? x.mean(at::IntArrayRef{-1, -2}, true) : at::_adaptive_avg_pool2d(x, size);
  }

  Tensor forward(const Tensor &x) override {
    if (is_global()) {
      sizes = x.sizes().vec();
      format = x.suggest_memory_format();
    } else {
      input = x;
    }
    return compute(x);
  }

  Tensor infer(const Tensor &x, double &) const override { return compute(x); }

  Tensor backward(const Tensor &gradient, bool) override {
    if (!is_global()) return at::_adaptive_avg_pool2d_backward(gradient, std::exchange(input, Tensor()));
    // PyTorch takes a matrix, too: its mean is one number.
    return (gradient.expand(sizes) / (sizes.end()[-2] * sizes.end()[-1])).contiguous(format);
  }
};

}  // namespace shim
