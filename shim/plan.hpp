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

// One layer of a plan, either in training or frozen for inference.
struct Layer {
  virtual ~Layer() = default;
  // Training: keeps what `backward` needs.
  virtual Tensor forward(const Tensor &x) = 0;
  // The gradient for the input from that for the output; undefined when the input needs none.
  virtual Tensor backward(const Tensor &gradient, bool input_needed) = 0;
  // Inference; several threads may call it at the same time.
  virtual Tensor infer(const Tensor &x) const = 0;
  // Takes a copy of the parameters, arranged for inference on batches of the outline's shape.
  virtual void freeze(const Outline &) {}
  virtual void outline(Outline &) const {}
  // Whether libtorch's kernels are right for this layer with the channels last in memory.
  virtual bool channels_last_is_safe() const { return true; }
};

using Layers = std::vector<std::unique_ptr<Layer>>;

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
