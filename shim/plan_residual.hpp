// A residual block as a layer of a plan.
#pragma once

#include "plan.hpp"

#include <algorithm>

namespace shim {

// relu(main(x) + shortcut(x)); an empty shortcut is x itself.
struct Residual : Layer {
  Layers main, shortcut;
  Tensor output;

  // main(x) + shortcut(x), in the memory of the first where nobody else needs it.
  Tensor sum(Tensor y, const Tensor &other) const {
    return !main.empty() && main.back()->gives_away() ? y.add_(other) : at::add(y, other);
  }

  void parameters(std::vector<Parameter *> &list) override {
    for (Layers *layers : {&main, &shortcut}) {
      for (size_t i = layers->size(); i-- > 0;) (*layers)[i]->parameters(list);
    }
  }
  bool trains() const override { return train(main) || train(shortcut); }

  Tensor forward(const Tensor &x) override {
    Tensor y = shim::forward(main, x);
    y = sum(y, shim::forward(shortcut, x));
    return output = at::relu_(y);
  }

  Tensor backward(const Tensor &gradient, bool input_needed) override {
    const Tensor inner = at::threshold_backward(gradient, std::exchange(output, Tensor()), 0);
    Tensor dx = shim::backward(main, inner, input_needed);
    const Tensor other = shim::backward(shortcut, inner, input_needed);
    if (!input_needed) return {};
    return dx.is_alias_of(inner) ? at::add(dx, other) : dx.add_(other);
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

  Tensor infer(const Tensor &x, double &most) const override {
    double others = most;
    Tensor y = shim::infer(main, x, most);
    y = sum(y, shim::infer(shortcut, x, others));
    most += others;
    return at::relu_(y);
  }

  bool channels_last_is_safe() const override {
    const auto safe = [](auto &layer) { return layer->channels_last_is_safe(); };
    return std::all_of(main.begin(), main.end(), safe) && std::all_of(shortcut.begin(), shortcut.end(), safe);
  }
};

}  // namespace shim
