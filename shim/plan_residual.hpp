// A residual block as a layer of a plan.
#pragma once

#include "plan.hpp"

#include <algorithm>

namespace shim {

// relu(main(x) + shortcut(x)); an empty shortcut is x itself.
struct Residual : Layer {
  Layers main, shortcut;
  Tensor output;

  static Tensor run(Layers &layers, Tensor x) {
    for (auto &layer : layers) x = layer->forward(x);
    return x;
  }

  static Tensor back(Layers &layers, Tensor gradient) {
    for (size_t i = layers.size(); i-- > 0;) gradient = layers[i]->backward(gradient, true);
    return gradient;
  }

  Tensor forward(const Tensor &x) override {
    Tensor y = run(main, x);
    y.add_(run(shortcut, x));
    return output = at::relu_(y);
  }

  Tensor backward(const Tensor &gradient, bool) override {
    const Tensor inner = at::threshold_backward(gradient, std::exchange(output, Tensor()), 0);
    return back(main, inner).add_(back(shortcut, inner));
  }

  void outline(Outline &outline) const override {
    Outline other = outline;
    for (auto &layer : main) layer->outline(outline);
    for (auto &layer : shortcut) layer->outline(other);
    outline.work += other.work;
  }

  void freeze(const Outline &given) override {
    for (Layers *layers : {&main, &shortcut}) {
      Outline outline = given;
      for (auto &layer : *layers) {
        layer->freeze(outline);
        layer->outline(outline);
      }
    }
  }

  Tensor infer(const Tensor &x) const override {
    Tensor y = x, other = x;
    for (auto &layer : main) y = layer->infer(y);
    for (auto &layer : shortcut) other = layer->infer(other);
    y.add_(other);
    return at::relu_(y);
  }

  bool channels_last_is_safe() const override {
    const auto safe = [](auto &layer) { return layer->channels_last_is_safe(); };
    return std::all_of(main.begin(), main.end(), safe) && std::all_of(shortcut.begin(), shortcut.end(), safe);
  }
};

}  // namespace shim
