// A small convolutional network, trained by a plan and a fused optimizer whose learning rate is a tensor.
#pragma once

#include "support.hpp"

#include <memory>

namespace selftest {

class Network {
 public:
  explicit Network(shim_device device) : device(device) {
    ok(shim->manual_seed(7));
    weight = parameter({8, 1, 3, 3}), bias = parameter({8}), dense = parameter({4, 8 * 12 * 12}), offset = parameter({4});
    // Each class has a bright quarter of its own.
    std::vector<float> pixels;
    std::vector<int64_t> classes;
    for (int64_t n = 0; n < 32; ++n) {
      classes.push_back(n % 4);
      for (int64_t i = 0; i < 144; ++i) {
        const bool bright = (i / 12 >= 6) == (n % 4 >= 2) && (i % 12 >= 6) == (n % 2 == 1);
        pixels.push_back((bright ? 1.0F : 0.0F) + static_cast<float>((i * 31 + n * 17) % 23) / 46);
      }
    }
    images = tensor(pixels, SHIM_FLOAT32, {32, 1, 12, 12}, device);
    labels = tensor(classes, SHIM_INT64, {32}, device);
    rate = tensor(std::vector<float>{0.003F}, SHIM_FLOAT32, {}, device);
    for (const Tensor *p : {&weight, &bias, &dense, &offset}) {
      parameters.push_back(p->get());
      for (auto *list : {&averages, &squares}) list->push_back(call("aten::zeros_like", "", {*p}));
      steps.push_back(zeros({}, device));
    }
    mean = zeros({}, device);
    shim_plan_layer layers[4]{};
    layers[0].kind = SHIM_PLAN_CONVOLUTION;
    layers[0].weight = weight.get(), layers[0].bias = bias.get(), layers[0].integers = convolution, layers[0].count = 7;
    layers[1].kind = SHIM_PLAN_RELU;
    layers[2].kind = SHIM_PLAN_FLATTEN;
    layers[3].kind = SHIM_PLAN_LINEAR;
    layers[3].weight = dense.get(), layers[3].bias = offset.get();
    ok(shim->plan_new(layers, 4, nullptr, &plan));
  }
  Network(const Network &) = delete;
  ~Network() { shim->plan_release(plan); }

  // One step: the gradients by the plan, then Adam. The loss is copied to `mean`.
  void step() {
    shim_tensor logits = nullptr, loss = nullptr;
    ok(shim->plan_step(plan, images.get(), labels.get(), &logits, &loss));
    const Tensor kept(logits), value(loss);
    std::vector<Tensor> gradients;
    std::vector<shim_tensor> raw;
    for (shim_tensor p : parameters) {
      shim_tensor gradient = nullptr;
      ok(shim->grad_get(p, &gradient));
      gradients.emplace_back(gradient);
      raw.push_back(gradient);
    }
    const bool was = shim->grad_enabled();
    shim->set_grad_enabled(false);
    const std::vector<shim_tensor> none;
    const auto lists = [](const std::vector<Tensor> &tensors) {
      std::vector<shim_tensor> out;
      for (const Tensor &t : tensors) out.push_back(t.get());
      return out;
    };
    try {
      for (const Tensor &count : steps) call("aten::add_", "Scalar", {count, 1});
      call("aten::_fused_adam_", "tensor_lr",
           {parameters, raw, lists(averages), lists(squares), none, lists(steps), rate, 0.9, 0.999, 0.0, 1e-8, false, false});
      call("aten::copy_", "", {mean, value});
    } catch (...) {
      shim->set_grad_enabled(was);
      throw;
    }
    shim->set_grad_enabled(was);
  }
  void set_rate(double value) { call("aten::fill_", "Scalar", {rate, value}); }

  // The loss of each step; with a graph from the fourth on its replays. `at` is called before each step.
  std::vector<float> train(int count, bool recorded = false, const std::function<void(int)> &at = nullptr) {
    std::vector<float> losses;
    std::unique_ptr<Graph> graph;
    if (recorded) graph = std::make_unique<Graph>();
    for (int i = 0; i < count; ++i) {
      if (at) at(i);
      if (!graph) {
        step();
      } else if (i < 3) {
        graph->warm_up([&] { step(); });
      } else {
        if (i == 3) graph->capture([&] { step(); });
        graph->replay();
      }
      losses.push_back(item(mean));
    }
    return losses;
  }
  std::vector<float> weights() const { return dense.values<float>(); }

 private:
  Tensor parameter(const std::vector<int64_t> &shape) const {
    // Drawn on the CPU: the same numbers on every device.
    const Tensor random = call("aten::mul", "Scalar", {call("aten::sub", "Scalar", {rand(shape, cpu), 0.5}), 0.2});
    Tensor made = call("aten::to", "device", {random, device, SHIM_FLOAT32});
    ok(shim->set_requires_grad(made.get(), true));
    return made;
  }

  static constexpr int64_t convolution[7]{1, 1, 1, 1, 1, 1, 1};  // stride, padding, dilation, groups
  shim_device device;
  Tensor weight, bias, dense, offset, images, labels, rate, mean;
  std::vector<shim_tensor> parameters;
  std::vector<Tensor> averages, squares, steps;
  shim_plan plan = nullptr;
};

// The losses in words; a failure when they did not fall below half.
inline std::string words(const std::vector<float> &losses) {
  char text[100];
  snprintf(text, sizeof text, "loss %.4f, after %zu steps %.4f", losses.front(), losses.size(), losses.back());
  require(losses.back() < losses.front() / 2, std::string(text) + ": it did not learn");
  return text;
}

}  // namespace selftest
