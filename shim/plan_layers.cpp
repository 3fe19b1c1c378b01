// The layers a plan knows.
#include "plan.hpp"

#include <ATen/Context.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <stdexcept>
#include <string_view>

namespace shim {
namespace {

using Scalars = c10::List<std::optional<at::Scalar>>;
using Text = std::optional<std::string_view>;

// Operators of libtorch that have no function in its headers. Empty where this libtorch has no such operator or
// oneDNN is off, as on other processors than x86-64.
template <class Signature>
std::optional<c10::TypedOperatorHandle<Signature>> find(const char *name) {
  try {
    if (!at::globalContext().userEnabledMkldnn() || !at::hasMKLDNN()) return {};
    if (auto found = c10::Dispatcher::singleton().findSchema({name, ""})) return found->typed<Signature>();
  } catch (const c10::Error &) {  // another signature than the one known here
  }
  return {};
}

const auto &linear_pointwise() {
  static const auto found = find<Tensor(const Tensor &, const Tensor &, const std::optional<Tensor> &,
                                        std::string_view, Scalars, Text)>("mkldnn::_linear_pointwise");
  return found;
}

const auto &convolution_pointwise() {
  static const auto found =
      find<Tensor(const Tensor &, const Tensor &, const std::optional<Tensor> &, at::IntArrayRef, at::IntArrayRef,
                  at::IntArrayRef, int64_t, std::string_view, Scalars, Text)>("mkldnn::_convolution_pointwise");
  return found;
}

const auto &reorder_convolution_weight() {
  static const auto found = find<Tensor(const Tensor &, at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, int64_t,
                                        at::OptionalIntArrayRef)>("mkldnn::_reorder_convolution_weight");
  return found;
}

const auto &reorder_linear_weight() {
  static const auto found =
      find<Tensor(const Tensor &, std::optional<int64_t>)>("mkldnn::_reorder_linear_weight");
  return found;
}

// Below these, libtorch's short ways through MKL are faster than oneDNN's kernels with their longer way in
// (floating-point operations; measured on one and two cores with AVX-512).
constexpr double worth_onednn_product = 2e6;
constexpr double worth_onednn_convolution = 4e6;

std::optional<Tensor> optional(const Tensor &tensor) {
  return tensor.defined() ? std::optional<Tensor>(tensor) : std::nullopt;
}

bool is_plain(const Tensor &x) { return x.is_cpu() && x.scalar_type() == at::kFloat; }

// `parameter`'s gradient with its own storage from step to step.
Tensor &gradient_of(const Tensor &parameter) {
  Tensor &gradient = parameter.mutable_grad();
  if (!gradient.defined()) gradient = at::empty_like(parameter);
  return gradient;
}

Tensor copy(const Tensor &parameter) { return parameter.defined() ? parameter.detach().clone() : Tensor(); }

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

struct Convolution : Layer {
  Tensor weight, bias, packed, input, arranged;
  Ints stride, padding, dilation;
  int64_t groups;
  bool relu = false;  // of a frozen layer only

  explicit Convolution(const shim_plan_layer &layer) : weight(borrow(layer.weight)), bias(borrow(layer.bias)) {
    Reader read{layer.integers};
    const int64_t dimensions = (layer.count - 1) / 3;
    stride = read.list(dimensions);
    padding = read.list(dimensions);
    dilation = read.list(dimensions);
    groups = read.one();
  }

  // With few input channels and strides some of oneDNN's kernels are wrong in channels_last (see docs/parity.md).
  bool channels_last_is_safe() const override {
    if (stride.size() != 2) return false;
    for (int64_t d = 0; d < 2; ++d) {
      if (padding[d] >= dilation[d] * (weight.size(d + 2) - 1) + 1) return false;
    }
    const bool strided = stride[0] > 1 || stride[1] > 1;
    const bool pointwise = weight.size(2) == 1 && weight.size(3) == 1;
    return !strided || weight.size(1) >= 8 || (!pointwise && weight.size(1) > 1);
  }

  double work(const Ints &output) const {
    double positions = static_cast<double>(output[0]);
    for (size_t d = 2; d < output.size(); ++d) positions *= static_cast<double>(output[d]);
    return 2 * positions * static_cast<double>(weight.numel());
  }

  Ints output_shape(at::IntArrayRef x) const {
    Ints shape{x[0], weight.size(0)};
    for (size_t d = 0; d < stride.size(); ++d) {
      const int64_t reach = dilation[d] * (weight.size(static_cast<int64_t>(d) + 2) - 1) + 1;
      shape.push_back((x[d + 2] + 2 * padding[d] - reach) / stride[d] + 1);
    }
    return shape;
  }

  void outline(Outline &outline) const override {
    if (outline.shape.size() != stride.size() + 2) return;
    outline.shape = output_shape(outline.shape);
    outline.work += work(outline.shape);
  }

  // A product with the unfolded image: the shortest way for little work.
  bool is_small(const Tensor &x) const {
    return x.dim() == 4 && stride.size() == 2 && is_plain(x) && groups == 1 && dilation == Ints{1, 1} &&
           x.is_contiguous() && work(output_shape(x.sizes())) < worth_onednn_convolution;
  }

  at::IntArrayRef kernel() const { return weight.sizes().slice(2); }

  Tensor compute(const Tensor &x, const Tensor &arranged) const {
    if (is_small(x)) return at::_slow_conv2d_forward(x, arranged, kernel(), optional(bias), stride, padding);
    return at::convolution(x, arranged, optional(bias), stride, padding, dilation, false, Ints(stride.size(), 0),
                           groups);
  }

  Tensor forward(const Tensor &x) override {
    // The weights themselves stay as they are: an optimizer's state and a file expect them so.
    arranged = x.dim() == 4 && x.is_contiguous(at::MemoryFormat::ChannelsLast) && !x.is_contiguous()
                   ? weight.contiguous(at::MemoryFormat::ChannelsLast)
                   : weight;
    input = x;
    return compute(x, arranged);
  }

  Tensor backward(const Tensor &gradient, bool input_needed) override {
    Tensor dx, dw, db;
    if (is_small(input)) {
      std::tie(dx, dw, db) = at::_slow_conv2d_backward(gradient, input, arranged, kernel(), stride, padding,
                                                       {input_needed, true, bias.defined()});
    } else {
      std::tie(dx, dw, db) = at::convolution_backward(
          gradient, input, arranged, at::OptionalIntArrayRef({weight.size(0)}), stride, padding, dilation, false,
          Ints(stride.size(), 0), groups, {input_needed, true, bias.defined()});
    }
    weight.mutable_grad() = dw.contiguous();
    if (bias.defined()) bias.mutable_grad() = db;
    input = arranged = Tensor();
    return dx;
  }

  void freeze(const Outline &outline) override {
    weight = copy(weight);
    bias = copy(bias);
    if (stride.size() != 2 || !is_plain(weight) || !channels_last_is_safe() || !convolution_pointwise() ||
        outline.shape.size() != 4) {
      return;
    }
    if (auto reorder = reorder_convolution_weight()) {
      packed = reorder->call(weight, padding, stride, dilation, groups, at::IntArrayRef(outline.shape));
    }
  }

  Tensor infer(const Tensor &x) const override {
    if (packed.defined() && x.dim() == 4 && is_plain(x) && !is_small(x)) {
      return convolution_pointwise()->call(x, packed, optional(bias), padding, stride, dilation, groups,
                                           relu ? "relu" : "none", Scalars(), Text());
    }
    Tensor y = compute(x, weight);
    return relu ? at::relu_(y) : y;
  }
};

struct Linear : Layer {
  Tensor weight, bias, packed, input;
  bool relu = false;  // of a frozen layer only

  explicit Linear(const shim_plan_layer &layer) : weight(borrow(layer.weight)), bias(borrow(layer.bias)) {}

  Tensor forward(const Tensor &x) override {
    input = x;
    return product(x, weight, bias);
  }

  Tensor backward(const Tensor &gradient, bool input_needed) override {
    weight.mutable_grad() = product(gradient.t(), input.t(), {});
    if (bias.defined()) at::sum_out(gradient_of(bias), gradient, 0);
    input = Tensor();
    return input_needed ? product(gradient, weight.t(), {}) : Tensor();
  }

  double work(int64_t batch) const { return 2.0 * static_cast<double>(batch) * static_cast<double>(weight.numel()); }

  void freeze(const Outline &outline) override {
    weight = copy(weight);
    bias = copy(bias);
    if (!is_plain(weight) || !linear_pointwise() || outline.shape.size() != 2) return;
    if (work(outline.shape[0]) < worth_onednn_product) return;
    if (auto reorder = reorder_linear_weight()) packed = reorder->call(weight, outline.shape[0]);
  }

  void outline(Outline &outline) const override {
    if (outline.shape.size() == 2) outline.shape[1] = weight.size(0);
  }

  Tensor infer(const Tensor &x) const override {
    if (packed.defined() && x.dim() == 2 && is_plain(x) && work(x.size(0)) >= worth_onednn_product) {
      return linear_pointwise()->call(x, packed, optional(bias), relu ? "relu" : "none", Scalars(), Text());
    }
    Tensor y = product(x, weight, bias);
    return relu ? at::relu_(y) : y;
  }
};

// y = (x − mean)·invstd·weight + bias.
struct BatchNorm : Layer {
  Tensor weight, bias, running_mean, running_var, batches, input, mean, invstd;
  double momentum, eps;
  bool training;

  explicit BatchNorm(const shim_plan_layer &layer)
      : weight(borrow(layer.weight)), bias(borrow(layer.bias)), running_mean(borrow(layer.running_mean)),
        running_var(borrow(layer.running_var)), batches(borrow(layer.batches)), momentum(layer.p), eps(layer.eps),
        training(layer.training) {}

  Tensor forward(const Tensor &x) override {
    if (training && x.numel() == x.size(1)) {
      throw std::invalid_argument("expected more than 1 value per channel when training");
    }
    if (training && batches.defined()) batches.add_(1);
    input = x;
    Tensor y;
    std::tie(y, mean, invstd) = at::native_batch_norm(x, optional(weight), optional(bias), optional(running_mean),
                                                      optional(running_var), training, momentum, eps);
    return y;
  }

  Tensor backward(const Tensor &gradient, bool input_needed) override {
    auto [dx, dw, db] = at::native_batch_norm_backward(
        gradient, input, optional(weight), optional(running_mean), optional(running_var), optional(mean),
        optional(invstd), training, eps, {input_needed, weight.defined(), bias.defined()});
    if (weight.defined()) weight.mutable_grad() = dw;
    if (bias.defined()) bias.mutable_grad() = db;
    input = mean = invstd = Tensor();
    return dx;
  }

  // Scale and shift of evaluation, in double precision.
  std::pair<Tensor, Tensor> line() const {
    Tensor scale = at::rsqrt(running_var.detach().to(at::kDouble) + eps);
    if (weight.defined()) scale = scale * weight.detach().to(at::kDouble);
    Tensor shift = -running_mean.detach().to(at::kDouble) * scale;
    if (bias.defined()) shift = shift + bias.detach().to(at::kDouble);
    return {scale, shift};
  }

  void freeze(const Outline &) override {
    weight = copy(weight);
    bias = copy(bias);
    running_mean = copy(running_mean);
    running_var = copy(running_var);
  }

  Tensor infer(const Tensor &x) const override {
    return std::get<0>(at::native_batch_norm(x, optional(weight), optional(bias), optional(running_mean),
                                             optional(running_var), false, 0, eps));
  }
};

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
  Tensor infer(const Tensor &x) const override {
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
  Tensor infer(const Tensor &x) const override { return at::sigmoid(x); }
};

struct Tanh : Layer {
  Tensor output;
  Tensor forward(const Tensor &x) override { return output = at::tanh(x); }
  Tensor backward(const Tensor &gradient, bool) override {
    return at::tanh_backward(gradient, std::exchange(output, Tensor()));
  }
  Tensor infer(const Tensor &x) const override { return at::tanh(x); }
};

struct MaxPool2d : Layer {
  Ints kernel, stride, padding, dilation, sizes;
  bool ceil_mode, touching = false;
  bool relu = false;  // a ReLU comes before
  Tensor input, indices, output;

  explicit MaxPool2d(const shim_plan_layer &layer) {
    Reader read{layer.integers};
    kernel = read.list(2);
    stride = read.list(2);
    padding = read.list(2);
    dilation = read.list(2);
    ceil_mode = read.one() != 0;
  }

  void outline(Outline &outline) const override {
    if (outline.shape.size() != 4) return;
    for (size_t d = 0; d < 2; ++d) {
      int64_t &size = outline.shape[d + 2];
      const int64_t room = size + 2 * padding[d] - dilation[d] * (kernel[d] - 1) - 1;
      size = (room + (ceil_mode ? stride[d] - 1 : 0)) / stride[d] + 1;
    }
  }

  bool touches(const Tensor &x) const { return pools_touch(x, kernel, stride, padding, dilation, ceil_mode); }

  Tensor forward(const Tensor &x) override {
    touching = touches(x);
    if (touching) {
      sizes = x.sizes().vec();
      std::tie(output, indices) = touching_max_pool2d(x, kernel, relu, true);
      return output;
    }
    input = relu ? at::relu(x) : x;
    Tensor pooled;
    std::tie(pooled, indices) = at::max_pool2d_with_indices(input, kernel, stride, padding, dilation, ceil_mode);
    return pooled;
  }

  Tensor backward(const Tensor &gradient, bool) override {
    if (touching) {
      return touching_max_pool2d_backward(gradient, std::exchange(output, Tensor()),
                                          std::exchange(indices, Tensor()), sizes, kernel, relu);
    }
    const Tensor x = std::exchange(input, Tensor());
    Tensor dx = at::max_pool2d_with_indices_backward(gradient, x, kernel, stride, padding, dilation, ceil_mode,
                                                     std::exchange(indices, Tensor()));
    return relu ? at::threshold_backward(dx, x, 0) : dx;
  }

  Tensor infer(const Tensor &x) const override {
    if (touches(x)) return touching_max_pool2d(x, kernel, relu, false).first;
    return std::get<0>(at::max_pool2d_with_indices(relu ? at::relu(x) : x, kernel, stride, padding, dilation, ceil_mode));
  }
};

struct AveragePool2d : Layer {
  Ints kernel, stride, padding;
  bool ceil_mode, count_include_pad;
  std::optional<int64_t> divisor;
  Tensor input;

  explicit AveragePool2d(const shim_plan_layer &layer) {
    Reader read{layer.integers};
    kernel = read.list(2);
    stride = read.list(2);
    padding = read.list(2);
    ceil_mode = read.one() != 0;
    count_include_pad = read.one() != 0;
    if (int64_t given = read.one()) divisor = given;
  }

  void outline(Outline &outline) const override {
    if (outline.shape.size() != 4) return;
    for (size_t d = 0; d < 2; ++d) {
      int64_t &size = outline.shape[d + 2];
      size = (size + 2 * padding[d] - kernel[d] + (ceil_mode ? stride[d] - 1 : 0)) / stride[d] + 1;
    }
  }

  Tensor forward(const Tensor &x) override {
    input = x;
    return infer(x);
  }

  Tensor backward(const Tensor &gradient, bool) override {
    return at::avg_pool2d_backward(gradient, std::exchange(input, Tensor()), kernel, stride, padding, ceil_mode,
                                   count_include_pad, divisor);
  }

  Tensor infer(const Tensor &x) const override {
    return at::avg_pool2d(x, kernel, stride, padding, ceil_mode, count_include_pad, divisor);
  }
};

struct AdaptiveAveragePool2d : Layer {
  Ints size, sizes;
  at::MemoryFormat format = at::MemoryFormat::Contiguous;
  Tensor input;

  explicit AdaptiveAveragePool2d(const shim_plan_layer &layer) : size(Reader{layer.integers}.list(2)) {}

  bool is_global() const { return size == Ints{1, 1}; }

  void outline(Outline &outline) const override {
    if (outline.shape.size() == 4) outline.shape = {outline.shape[0], outline.shape[1], size[0], size[1]};
  }

  // To one value a channel PyTorch takes the plain mean.
  Tensor infer(const Tensor &x) const override {
    return is_global() ? x.mean(at::IntArrayRef{-1, -2}, true) : at::_adaptive_avg_pool2d(x, size);
  }

  Tensor forward(const Tensor &x) override {
    if (is_global()) {
      sizes = x.sizes().vec();
      format = x.suggest_memory_format();
    } else {
      input = x;
    }
    return infer(x);
  }

  Tensor backward(const Tensor &gradient, bool) override {
    if (!is_global()) return at::_adaptive_avg_pool2d_backward(gradient, std::exchange(input, Tensor()));
    return (gradient.expand(sizes) / (sizes[2] * sizes[3])).contiguous(format);
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
  Tensor infer(const Tensor &x) const override { return x.reshape({x.size(0), -1}); }
  Tensor forward(const Tensor &x) override {
    shape = x.sizes().vec();
    format = x.suggest_memory_format();
    return infer(x);
  }
  Tensor backward(const Tensor &gradient, bool) override { return gradient.reshape(shape).contiguous(format); }
};

struct Dropout : Layer {
  double p;
  Tensor mask;
  explicit Dropout(const shim_plan_layer &layer) : p(layer.p) {}
  Tensor forward(const Tensor &x) override {
    if (p == 0) return x;
    mask = at::empty_like(x).bernoulli_(1 - p);
    mask.div_(1 - p);
    return x.mul(mask);
  }
  Tensor backward(const Tensor &gradient, bool) override {
    return p == 0 ? gradient : gradient.mul(std::exchange(mask, Tensor()));
  }
  Tensor infer(const Tensor &x) const override { return x; }
};

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
  if (norm.training || !norm.running_mean.defined()) return false;
  auto [scale, shift] = norm.line();
  const Tensor weight = convolution.weight.detach();
  Ints shape(static_cast<size_t>(weight.dim()), 1);
  shape[0] = weight.size(0);
  if (convolution.bias.defined()) shift = shift + convolution.bias.detach().to(at::kDouble) * scale;
  convolution.weight = (weight.to(at::kDouble) * scale.reshape(shape)).to(weight.scalar_type());
  convolution.bias = shift.to(weight.scalar_type());
  return true;
}

// Whether `layer` hands out a new tensor that it does not need itself.
bool gives_away(const Layer *layer) {
  return dynamic_cast<const Convolution *>(layer) != nullptr || dynamic_cast<const Linear *>(layer) != nullptr ||
         dynamic_cast<const BatchNorm *>(layer) != nullptr;
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
    relu->in_place = gives_away(last);
  }
  if (auto *pool = dynamic_cast<MaxPool2d *>(next.get()); pool != nullptr && dynamic_cast<Relu *>(last) != nullptr) {
    pool->relu = true;
    layers.pop_back();
  }
  layers.push_back(std::move(next));
}

}  // namespace

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

Tensor product(const Tensor &x, const Tensor &w, const Tensor &bias) {
  if (x.dim() == 2 && is_plain(x) && is_plain(w) && x.size(1) == w.size(1) && linear_pointwise() &&
      2.0 * static_cast<double>(x.size(0)) * static_cast<double>(w.numel()) >= worth_onednn_product) {
    return linear_pointwise()->call(x, w, optional(bias), "none", Scalars(), Text());
  }
  return bias.defined() ? at::addmm(bias, x, w.t()) : at::mm(x, w.t());
}

}  // namespace shim
