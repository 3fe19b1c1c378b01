// A training step without the tape: the structure of a stack of layers is known, so its backward pass is called
// operator by operator, below the dispatcher's autograd layers and without a graph.
#include "shim.hpp"

#include <ATen/core/LegacyTypeDispatch.h>

#include <memory>

namespace shim {
namespace {

using at::Tensor;
using Ints = std::vector<int64_t>;

// A layer keeps from the forward pass what its backward pass needs.
struct Layer {
  virtual ~Layer() = default;
  virtual Tensor forward(const Tensor &x) = 0;
  // The gradient for the input from that for the output; undefined when the input needs none.
  virtual Tensor backward(const Tensor &gradient, bool input_needed) = 0;
};

// From this many images on, convolutions are faster with the channels next to each other in memory; below, slower.
constexpr int64_t channels_last_from = 8;

// `parameter`'s gradient with its own storage from step to step.
Tensor &gradient_of(const Tensor &parameter) {
  Tensor &gradient = parameter.mutable_grad();
  if (!gradient.defined()) gradient = at::empty_like(parameter);
  return gradient;
}

struct Convolution : Layer {
  Tensor weight, bias, input, arranged;
  Ints stride, padding, dilation;
  int64_t groups;

  Convolution(const shim_plan_layer &layer) : weight(borrow(layer.weight)), bias(borrow(layer.bias)) {
    const int64_t *at = layer.integers;
    const int64_t dimensions = (layer.count - 1) / 3;
    for (Ints *list : {&stride, &padding, &dilation}) {
      list->assign(at, at + dimensions);
      at += dimensions;
    }
    groups = *at;
  }

  // Whether libtorch's kernels are right for this layer in channels_last: with few input channels and strides
  // some of oneDNN's are not (see docs/parity.md).
  bool channels_last_is_safe() const {
    if (stride.size() != 2) return false;
    for (int64_t d = 0; d < 2; ++d) {
      if (padding[d] >= dilation[d] * (weight.size(d + 2) - 1) + 1) return false;
    }
    const bool strided = stride[0] > 1 || stride[1] > 1;
    const bool pointwise = weight.size(2) == 1 && weight.size(3) == 1;
    return !strided || weight.size(1) >= 8 || (!pointwise && weight.size(1) > 1);
  }

  Tensor forward(const Tensor &x) override {
    // The weights themselves stay as they are: an optimizer's state and a file expect them so.
    arranged = x.dim() == 4 && x.is_contiguous(at::MemoryFormat::ChannelsLast) && !x.is_contiguous()
                   ? weight.contiguous(at::MemoryFormat::ChannelsLast)
                   : weight;
    input = x;
    return at::convolution(x, arranged, bias, stride, padding, dilation, false, Ints(stride.size(), 0), groups);
  }

  Tensor backward(const Tensor &gradient, bool input_needed) override {
    auto [dx, dw, db] = at::convolution_backward(
        gradient, input, arranged, at::OptionalIntArrayRef({weight.size(0)}), stride, padding, dilation, false,
        Ints(stride.size(), 0), groups, {input_needed, true, bias.defined()});
    weight.mutable_grad() = dw.contiguous();
    if (bias.defined()) bias.mutable_grad() = db;
    input = arranged = Tensor();
    return dx;
  }
};

struct Linear : Layer {
  Tensor weight, bias, input;

  Linear(const shim_plan_layer &layer) : weight(borrow(layer.weight)), bias(borrow(layer.bias)) {}

  Tensor forward(const Tensor &x) override {
    input = x;
    return bias.defined() ? at::addmm(bias, x, weight.t()) : at::mm(x, weight.t());
  }

  Tensor backward(const Tensor &gradient, bool input_needed) override {
    at::mm_out(gradient_of(weight), gradient.t(), input);
    if (bias.defined()) at::sum_out(gradient_of(bias), gradient, 0);
    input = Tensor();
    return input_needed ? at::mm(gradient, weight) : Tensor();
  }
};

struct Relu : Layer {
  Tensor output;
  Tensor forward(const Tensor &x) override { return output = at::relu(x); }
  Tensor backward(const Tensor &gradient, bool) override {
    return at::threshold_backward(gradient, std::exchange(output, Tensor()), 0);
  }
};

struct Sigmoid : Layer {
  Tensor output;
  Tensor forward(const Tensor &x) override { return output = at::sigmoid(x); }
  Tensor backward(const Tensor &gradient, bool) override {
    return at::sigmoid_backward(gradient, std::exchange(output, Tensor()));
  }
};

struct Tanh : Layer {
  Tensor output;
  Tensor forward(const Tensor &x) override { return output = at::tanh(x); }
  Tensor backward(const Tensor &gradient, bool) override {
    return at::tanh_backward(gradient, std::exchange(output, Tensor()));
  }
};

struct MaxPool2d : Layer {
  Ints kernel, stride, padding, dilation;
  bool ceil_mode;
  Tensor input, indices;

  MaxPool2d(const shim_plan_layer &layer) {
    const int64_t *at = layer.integers;
    for (Ints *list : {&kernel, &stride, &padding, &dilation}) {
      list->assign(at, at + 2);
      at += 2;
    }
    ceil_mode = *at != 0;
  }

  Tensor forward(const Tensor &x) override {
    input = x;
    Tensor output;
    std::tie(output, indices) = at::max_pool2d_with_indices(x, kernel, stride, padding, dilation, ceil_mode);
    return output;
  }

  Tensor backward(const Tensor &gradient, bool) override {
    return at::max_pool2d_with_indices_backward(gradient, std::exchange(input, Tensor()), kernel, stride, padding,
                                                dilation, ceil_mode, std::exchange(indices, Tensor()));
  }
};

struct AveragePool2d : Layer {
  Ints kernel, stride, padding;
  bool ceil_mode, count_include_pad;
  std::optional<int64_t> divisor;
  Tensor input;

  AveragePool2d(const shim_plan_layer &layer) {
    const int64_t *at = layer.integers;
    for (Ints *list : {&kernel, &stride, &padding}) {
      list->assign(at, at + 2);
      at += 2;
    }
    ceil_mode = at[0] != 0;
    count_include_pad = at[1] != 0;
    if (at[2] != 0) divisor = at[2];
  }

  Tensor forward(const Tensor &x) override {
    input = x;
    return at::avg_pool2d(x, kernel, stride, padding, ceil_mode, count_include_pad, divisor);
  }

  Tensor backward(const Tensor &gradient, bool) override {
    return at::avg_pool2d_backward(gradient, std::exchange(input, Tensor()), kernel, stride, padding, ceil_mode,
                                   count_include_pad, divisor);
  }
};

struct Flatten : Layer {
  Ints shape;
  at::MemoryFormat format = at::MemoryFormat::Contiguous;
  Tensor forward(const Tensor &x) override {
    shape = x.sizes().vec();
    format = x.suggest_memory_format();
    return x.reshape({x.size(0), -1});
  }
  Tensor backward(const Tensor &gradient, bool) override { return gradient.reshape(shape).contiguous(format); }
};

struct Dropout : Layer {
  double p;
  Tensor mask;
  Dropout(const shim_plan_layer &layer) : p(layer.p) {}
  Tensor forward(const Tensor &x) override {
    if (p == 0) return x;
    mask = at::empty_like(x).bernoulli_(1 - p);
    mask.div_(1 - p);
    return x.mul(mask);
  }
  Tensor backward(const Tensor &gradient, bool) override {
    return p == 0 ? gradient : gradient.mul(std::exchange(mask, Tensor()));
  }
};

std::unique_ptr<Layer> make(const shim_plan_layer &layer) {
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
    default: throw std::invalid_argument("unknown kind of a plan's layer");
  }
}

}  // namespace
}  // namespace shim

struct shim_plan_s {
  std::vector<std::unique_ptr<shim::Layer>> layers;
  bool has_convolution = false;
  bool channels_last_is_safe = true;
};

namespace shim {

void add_plan(torch_shim &table) {
  table.plan_new = [](const shim_plan_layer *layers, int64_t count, shim_plan *out) {
    return guarded([&] {
      auto plan = std::make_unique<shim_plan_s>();
      for (int64_t i = 0; i < count; ++i) {
        plan->layers.push_back(make(layers[i]));
        if (auto *convolution = dynamic_cast<Convolution *>(plan->layers.back().get())) {
          plan->has_convolution = true;
          plan->channels_last_is_safe = plan->channels_last_is_safe && convolution->channels_last_is_safe();
        }
      }
      *out = plan.release();
      live.fetch_add(1, std::memory_order_relaxed);
    });
  };
  table.plan_release = [](shim_plan plan) {
    live.fetch_sub(1, std::memory_order_relaxed);
    delete plan;
  };
  table.plan_step = [](shim_plan plan, shim_tensor images, shim_tensor labels, shim_tensor *logits,
                       shim_tensor *loss) {
    return guarded([&] {
      at::AutoDispatchBelowADInplaceOrView below;
      Tensor x = borrow(images), target = borrow(labels);
      if (plan->has_convolution && plan->channels_last_is_safe && x.dim() == 4 && x.device().is_cpu() &&
          x.size(0) >= channels_last_from) {
        // A copy of its own: with one channel both layouts look alike, and the other one would be taken.
        x = at::empty(x.sizes(), x.options(), at::MemoryFormat::ChannelsLast).copy_(x);
      }
      for (auto &layer : plan->layers) x = layer->forward(x);
      const Tensor logarithms = at::_log_softmax(x, 1, false);
      auto [value, weight] = at::nll_loss_forward(logarithms, target, {}, at::Reduction::Mean, -100);
      Tensor gradient = at::nll_loss_backward(at::ones_like(value), logarithms, target, {}, at::Reduction::Mean, -100,
                                              weight);
      gradient = at::_log_softmax_backward_data(gradient, logarithms, 1, logarithms.scalar_type());
      for (size_t i = plan->layers.size(); i-- > 0;) gradient = plan->layers[i]->backward(gradient, i > 0);
      *logits = hand_out(std::move(x));
      *loss = hand_out(std::move(value));
    });
  };
}

}  // namespace shim
