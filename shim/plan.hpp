// What the plan's files share: a layer that knows its forward and its backward pass.
#pragma once

#include "shim.hpp"

#include <memory>
#include <optional>

namespace shim {

using at::Tensor;
using Ints = std::vector<int64_t>;

// How much there is to compute for a batch: what layout and which kernels pay depends on it, and on nothing that
// changes from step to step, so that a resumed run computes as an uninterrupted one.
struct Outline {
  Ints shape;       // of the tensor between two layers
  double work = 0;  // floating-point operations of the convolutions so far, forward
};

// A tensor that is trained, or undefined where a layer has none. A layer that is used twice has its gradients added.
struct Parameter {
  Tensor value;
  bool adds = false;  // a later use of it has set its gradient in the same backward pass

  bool defined() const { return value.defined(); }
  // Asked at each step: a parameter may be frozen at any time.
  bool wanted() const { return value.defined() && value.requires_grad(); }
  void give(const Tensor &gradient) const {
    Tensor &own = value.mutable_grad();
    if (adds && own.defined()) {
      own = own + gradient;
    } else {
      own = gradient;
    }
  }
  // What the tape leaves to a parameter that it does not know.
  void clear() const {
    if (value.defined() && value.grad().defined()) value.mutable_grad() = Tensor();
  }
};

// One layer of a plan, either in training or frozen for inference.
struct Layer {
  virtual ~Layer() = default;
  // Training: keeps what `backward` needs.
  virtual Tensor forward(const Tensor &x) = 0;
  // The gradient for the input from that for the output; undefined when the input needs none.
  virtual Tensor backward(const Tensor &gradient, bool input_needed) = 0;
  // Inference; several threads may call it at the same time. No element of x is larger than `most`, as far as that is
  // known (infinity or NaN where it is not); afterwards that holds for the result.
  virtual Tensor infer(const Tensor &x, double &most) const = 0;
  // The parameters, in the order in which `backward` gives their gradients; of the layers inside, the last first.
  virtual void parameters(std::vector<Parameter *> &) {}
  // Whether one of them is trained at this step.
  virtual bool trains() const { return false; }
  // Whether the result of `forward` and `infer` is a new tensor that the layer itself does not need any more.
  virtual bool gives_away() const { return false; }
  // Takes a copy of the parameters, arranged for inference on batches of the outline's shape.
  virtual void freeze(const Outline &) {}
  virtual void outline(Outline &) const {}
  // Whether libtorch's kernels are right for this layer with the channels last in memory.
  virtual bool channels_last_is_safe() const { return true; }
};

using Layers = std::vector<std::unique_ptr<Layer>>;

Tensor forward(Layers &layers, Tensor x);
// The gradient for the first layer's input; undefined when it is not needed.
Tensor backward(Layers &layers, Tensor gradient, bool input_needed);
Tensor infer(const Layers &layers, Tensor x, double &most);
bool train(const Layers &layers);

// The layers that `count` descriptions stand for, neighbours that go well together joined to one.
Layers make_layers(const shim_plan_layer *descriptions, int64_t count, bool frozen);

// A layer's lists of integers, read one after the other.
struct Reader {
  const int64_t *at;
  Ints list(int64_t count) {
    const int64_t *begin = at;
    at += count;
    return Ints(begin, at);
  }
  int64_t one() { return *at++; }
};

}  // namespace shim
