// A stack of known layers without the tape: its backward pass is called operator by operator, below the
// dispatcher's autograd layers and without a graph. Frozen, it computes inference only, from weights arranged once.
#include "plan.hpp"

#include <ATen/autocast_mode.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <c10/core/InferenceMode.h>

#include <limits>
#include <unordered_set>

struct shim_plan_s {
  shim::Layers layers;
  std::vector<shim::Parameter *> parameters;  // in the order in which a backward pass comes to them
  bool channels_last_is_safe = true;
};

namespace shim {
namespace {

// From this many images on, and with this much to compute, convolutions are faster with the channels next to each
// other in memory; below, slower.
constexpr int64_t channels_last_from = 8;
constexpr double channels_last_work = 8e6;

// Autocast would take some of a plan's operators to 16 bits and not others.
void require_no_autocast(const Tensor &x) {
  if (at::autocast::is_autocast_enabled(x.device().type())) {
    throw std::invalid_argument("a plan computes in the type of its weights and not under autocast: call the model itself");
  }
}

// The batch in the layout that the plan computes in.
Tensor arrange(const shim_plan_s &plan, const Tensor &x) {
  if (!plan.channels_last_is_safe || x.dim() != 4 || x.size(0) < channels_last_from) return x;
  if (!x.is_cpu() || x.scalar_type() != at::kFloat) return x;
  Outline outline{x.sizes().vec()};
  for (auto &layer : plan.layers) layer->outline(outline);
  if (outline.work < channels_last_work) return x;
  // A copy of its own: with one channel both layouts look alike, and the other one would be taken.
  return at::empty(x.sizes(), x.options(), at::MemoryFormat::ChannelsLast).copy_(x);
}

}  // namespace

void add_plan(torch_shim &table) {
  table.plan_new = [](const shim_plan_layer *layers, int64_t count, shim_tensor example, shim_plan *out) {
    return guarded([&] {
      auto plan = std::make_unique<shim_plan_s>();
      at::NoGradGuard no_grad;
      plan->layers = make_layers(layers, count, example != nullptr);
      for (auto &layer : plan->layers) {
        plan->channels_last_is_safe = plan->channels_last_is_safe && layer->channels_last_is_safe();
      }
      for (size_t i = plan->layers.size(); i-- > 0;) plan->layers[i]->parameters(plan->parameters);
      std::unordered_set<c10::TensorImpl *> seen;
      for (auto *parameter : plan->parameters) {
        parameter->adds = parameter->defined() && !seen.insert(parameter->value.unsafeGetTensorImpl()).second;
      }
      if (example != nullptr) {
        Outline outline{borrow(example).sizes().vec()};
        for (auto &layer : plan->layers) {
          layer->freeze(outline);
          layer->outline(outline);
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
      require_no_autocast(borrow(images));
      if (!train(plan->layers)) throw std::invalid_argument("no parameter of the model requires a gradient");
      for (auto *parameter : plan->parameters) {
        if (!parameter->wanted()) parameter->clear();
      }
      at::AutoDispatchBelowADInplaceOrView below;
      Tensor x = forward(plan->layers, arrange(*plan, borrow(images))), target = borrow(labels);
      const Tensor logarithms = at::_log_softmax(x, 1, false);
      auto [value, weight] = at::nll_loss_forward(logarithms, target, {}, at::Reduction::Mean, -100);
      Tensor gradient = at::nll_loss_backward(at::ones_like(value), logarithms, target, {}, at::Reduction::Mean, -100,
                                              weight);
      gradient = at::_log_softmax_backward_data(gradient, logarithms, 1, logarithms.scalar_type());
      backward(plan->layers, gradient, false);
      *logits = hand_out(std::move(x));
      *loss = hand_out(std::move(value));
    });
  };
  table.plan_infer = [](shim_plan plan, shim_tensor images, shim_tensor *out) {
    return guarded([&] {
      require_no_autocast(borrow(images));
      c10::InferenceMode inference;
      double most = std::numeric_limits<double>::infinity();
      *out = hand_out(infer(plan->layers, borrow(images), most));
    });
  };
}

}  // namespace shim
