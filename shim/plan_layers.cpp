// Makes a plan's layers of their descriptions, and joins neighbours that go well together.
#include "plan_convolution.hpp"
#include "plan_elementwise.hpp"
#include "plan_linear.hpp"
#include "plan_normalization.hpp"
#include "plan_pooling.hpp"
#include "plan_residual.hpp"

#include <algorithm>
#include <stdexcept>

namespace shim {
namespace {

std::unique_ptr<Layer> make_layer(const shim_plan_layer &layer) {
  switch (layer.kind) {
    case SHIM_PLAN_CONVOLUTION: return std::make_unique<Convolution>(layer);
    case SHIM_PLAN_LINEAR: return std::make_unique<Linear>(layer);
    case SHIM_PLAN_RELU: return std::make_unique<Relu>();
    case SHIM_PLAN_SIGMOID: return std::make_unique<Sigmoid>();
    case SHIM_PLAN_TANH: return std::make_unique<Tanh>();
    case SHIM_PLAN_MAX_POOL2D: return std::make_unique<MaxPool2d>(layer);
    case SHIM_PLAN_AVG_POOL2D: return std::make_unique<AveragePool2d>(layer);
    case SHIM_PLAN_FLATTEN: return std::make_unique<Flatten>();
    case SHIM_PLAN_DROPOUT: return std::make_unique<Dropout>(layer);
    case SHIM_PLAN_BATCH_NORM: return std::make_unique<BatchNorm>(layer);
    case SHIM_PLAN_ADAPTIVE_AVG_POOL2D: return std::make_unique<AdaptiveAveragePool2d>(layer);
    default: throw std::invalid_argument("unknown kind of a plan's layer");
  }
}

// A frozen convolution followed by batch normalisation is a convolution with other weights.
bool fold(Convolution &convolution, const BatchNorm &norm) {
  if (convolution.relu || norm.training || !norm.running_mean.defined()) return false;
  auto [scale, shift] = norm.line();
  const Tensor weight = convolution.weight.value.detach();
  Ints shape(static_cast<size_t>(weight.dim()), 1);
  shape[0] = weight.size(0);
  if (convolution.bias.defined()) shift = shift + convolution.bias.value.detach().to(at::kDouble) * scale;
  convolution.weight.value = (weight.to(at::kDouble) * scale.reshape(shape)).to(weight.scalar_type());
  convolution.bias.value = shift.to(weight.scalar_type());
  return true;
}

// Appends `next`, or joins it to the layer before.
void append(Layers &layers, std::unique_ptr<Layer> next, bool frozen) {
  Layer *last = layers.empty() ? nullptr : layers.back().get();
  if (auto *norm = dynamic_cast<BatchNorm *>(next.get()); norm != nullptr && frozen) {
    if (auto *convolution = dynamic_cast<Convolution *>(last); convolution != nullptr && fold(*convolution, *norm)) return;
  }
  if (auto *relu = dynamic_cast<Relu *>(next.get())) {
    if (frozen) {
      if (auto *convolution = dynamic_cast<Convolution *>(last)) return void(convolution->relu = true);
      if (auto *linear = dynamic_cast<Linear *>(last)) return void(linear->relu = true);
    }
    relu->in_place = last != nullptr && last->gives_away();
  }
  if (auto *pool = dynamic_cast<MaxPool2d *>(next.get()); pool != nullptr && dynamic_cast<Relu *>(last) != nullptr) {
    pool->relu = true;
    layers.pop_back();
  }
  layers.push_back(std::move(next));
}

}  // namespace

Tensor forward(Layers &layers, Tensor x) {
  for (auto &layer : layers) x = layer->forward(x);
  return x;
}

Tensor backward(Layers &layers, Tensor gradient, bool input_needed) {
  // Below the first layer that is trained nobody needs a gradient.
  size_t first = 0;
  while (!input_needed && first < layers.size() && !layers[first]->trains()) ++first;
  for (size_t i = layers.size(); i-- > first;) gradient = layers[i]->backward(gradient, input_needed || i > first);
  return input_needed ? gradient : Tensor();
}

Tensor infer(const Layers &layers, Tensor x, double &most) {
  for (auto &layer : layers) x = layer->infer(x, most);
  return x;
}

bool train(const Layers &layers) {
  return std::any_of(layers.begin(), layers.end(), [](auto &layer) { return layer->trains(); });
}

Layers make_layers(const shim_plan_layer *descriptions, int64_t count, bool frozen) {
  Layers layers;
  for (int64_t i = 0; i < count; ++i) {
    if (descriptions[i].kind != SHIM_PLAN_RESIDUAL) {
      append(layers, make_layer(descriptions[i]), frozen);
      continue;
    }
    auto residual = std::make_unique<Residual>();
    const int64_t main = descriptions[i].integers[0], shortcut = descriptions[i].integers[1];
    residual->main = make_layers(descriptions + i + 1, main, frozen);
    residual->shortcut = make_layers(descriptions + i + 1 + main, shortcut, frozen);
    layers.push_back(std::move(residual));
    i += main + shortcut;
  }
  return layers;
}

}  // namespace shim
