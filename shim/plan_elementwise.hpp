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

struct Dropout : Layer {
  double p;
  Tensor mask;
  explicit Dropout(const shim_plan_layer &layer) : p(layer.p) {}
  // As the tape's: where all is dropped, nothing is drawn.
  Tensor forward(const Tensor &x) override {
    if (p == 0) return x;
    mask = p == 1 ? at::zeros({}, x.options()) : at::empty_like(x).bernoulli_(1 - p).div_(1 - p);
    return x.mul(mask);
  }
  Tensor backward(const Tensor &gradient, bool) override {
    return p == 0 ? gradient : gradient.mul(std::exchange(mask, Tensor()));
  }
  Tensor infer(const Tensor &x, double &) const override { return x; }
};

}  // namespace shim
