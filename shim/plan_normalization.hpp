// Batch normalisation as a layer of a plan.
#pragma once

#include "onednn.hpp"

namespace shim {

// y = (x − mean)·invstd·weight + bias.
struct BatchNorm : Layer {
  Parameter weight, bias;
  Tensor running_mean, running_var, batches, input, mean, invstd;
  double momentum, eps;
  bool training;
  Gain gain;  // of a frozen layer only

  explicit BatchNorm(const shim_plan_layer &layer)
      : weight{borrow(layer.weight)}, bias{borrow(layer.bias)}, running_mean(borrow(layer.running_mean)),
        running_var(borrow(layer.running_var)), batches(borrow(layer.batches)), momentum(layer.p), eps(layer.eps),
        training(layer.training) {}

  void parameters(std::vector<Parameter *> &list) override { list.insert(list.end(), {&weight, &bias}); }
  bool trains() const override { return weight.wanted() || bias.wanted(); }
  bool gives_away() const override { return true; }

  Tensor forward(const Tensor &x) override {
    if (training && x.numel() == x.size(1)) {
      throw std::invalid_argument("expected more than 1 value per channel when training");
    }
    if (training && batches.defined()) batches.add_(1);
    input = x;
    Tensor y;
    std::tie(y, mean, invstd) = at::native_batch_norm(x, optional(weight.value), optional(bias.value),
                                                      optional(running_mean), optional(running_var), training, momentum,
                                                      eps);
    return y;
  }

  Tensor backward(const Tensor &gradient, bool input_needed) override {
    auto [dx, dw, db] = at::native_batch_norm_backward(
        gradient, input, optional(weight.value), optional(running_mean), optional(running_var), optional(mean),
        optional(invstd), training, eps, {input_needed, weight.wanted(), bias.wanted()});
    if (weight.wanted()) weight.give(dw);
    if (bias.wanted()) bias.give(db);
    input = mean = invstd = Tensor();
    return dx;
  }

  // Scale and shift of evaluation, in double precision.
  std::pair<Tensor, Tensor> line() const {
    Tensor scale = at::rsqrt(running_var.detach().to(at::kDouble) + eps);
    if (weight.defined()) scale = scale * weight.value.detach().to(at::kDouble);
    Tensor shift = -running_mean.detach().to(at::kDouble) * scale;
    if (bias.defined()) shift = shift + bias.value.detach().to(at::kDouble);
    return {scale, shift};
  }

  void freeze(const Outline &) override {
    weight.value = copy(weight.value);
    bias.value = copy(bias.value);
    running_mean = copy(running_mean);
    running_var = copy(running_var);
    if (running_mean.defined() && is_plain(running_mean)) {
      const auto [scale, shift] = line();
      gain = Gain(scale.reshape({-1, 1}), shift);
    }
  }

  Tensor infer(const Tensor &x, double &most) const override {
    gain.apply(most);
    return std::get<0>(at::native_batch_norm(x, optional(weight.value), optional(bias.value), optional(running_mean),
                                             optional(running_var), false, 0, eps));
  }
};

}  // namespace shim
