// Activations, dropout and flattening as layers of a plan.
#pragma once

#include "plan.hpp"

#include <cmath>

namespace shim {

struct Relu : Layer {
  Tensor output;
  bool in_place = false;  // nobody else needs the layer's input
  Tensor forward(const Tensor &x) override {
    if (in_place) {
      Tensor y = x;
      return output = at::relu_(y);
    }
    return output = at::relu(x);
  }
  Tensor backward(const Tensor &gradient, bool) override {
    return at::threshold_backward(gradient, std::exchange(output, Tensor()), 0);
  }
  Tensor infer(const Tensor &x, double &) const override {
    Tensor y = x;
    return in_place ? at::relu_(y) : at::relu(x);
  }
};

struct Sigmoid : Layer {
  Tensor output;
  Tensor forward(const Tensor &x) override { return output = at::sigmoid(x); }
  Tensor backward(const Tensor &gradient, bool) override {
    return at::sigmoid_backward(gradient, std::exchange(output, Tensor()));
  }
  Tensor infer(const Tensor &x, double &most) const override {
    if (std::isfinite(most)) most = 1;
    return at::sigmoid(x);
  }
};

struct Tanh : Layer {
  Tensor output;
  Tensor forward(const Tensor &x) override { return output = at::tanh(x); }
  Tensor backward(const Tensor &gradient, bool) override {
    return at::tanh_backward(gradient, std::exchange(output, Tensor()));
  }
  Tensor infer(const Tensor &x, double &most) const override {
    if (std::isfinite(most)) most = 1;
    return at::tanh(x);
  }
};

struct Flatten : Layer {
  Ints shape;
  at::MemoryFormat format = at::MemoryFormat::Contiguous;
  void outline(Outline &outline) const override {
    int64_t features = 1;
    for (size_t d = 1; d < outline.shape.size(); ++d) features *= outline.shape[d];
    outline.shape = {outline.shape[0], features};
  }
  Tensor infer(const Tensor &x, double &) const override { return x.flatten(1); }
  Tensor forward(const Tensor &x) override {
    shape = x.sizes().vec();
    format = x.suggest_memory_format();
    return x.flatten(1);
  }
  Tensor backward(const Tensor &gradient, bool) override { return gradient.reshape(shape).contiguous(format); }
};

// Draws what the tape draws: on a CUDA device `dropout` is native_dropout, whose numbers lie otherwise than bernoulli_'s,
// and `dropout_` is bernoulli_ everywhere.
struct Dropout : Layer {
  double p;
  int64_t drawing;
  Tensor mask;  // fused: what was kept; else the factors
  bool fused = false;
  explicit Dropout(const shim_plan_layer &layer)
      : p(layer.p), drawing(layer.count > 0 ? layer.integers[0] : int64_t{SHIM_DROPOUT_BY_DEVICE}) {}
  Tensor forward(const Tensor &x) override {
    if (p == 0) return x;
    fused = p < 1 && x.numel() > 0 &&
            (drawing == SHIM_DROPOUT_NATIVE || (drawing == SHIM_DROPOUT_BY_DEVICE && x.is_cuda()));
    if (fused) {
      auto [y, kept] = at::native_dropout(x, p, true);
      mask = std::move(kept);
      return y;
    }
    // Where all is dropped, nothing is drawn.
    mask = p == 1 ? at::zeros({}, x.options()) : at::empty_like(x).bernoulli_(1 - p).div_(1 - p);
    return x.mul(mask);
  }
  Tensor backward(const Tensor &gradient, bool) override {
    if (p == 0) return gradient;
    const Tensor drawn = std::exchange(mask, Tensor());
    return fused ? at::native_dropout_backward(gradient, drawn, 1.0 / (1.0 - p)) : gradient.mul(drawn);
  }
  Tensor infer(const Tensor &x, double &) const override { return x; }
};

}  // namespace shim
