// Gradients, and the modes of a thread: gradient, inference, autocast.
#include "shim.hpp"

#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/autograd/autograd.h>

namespace shim {
namespace {

std::vector<at::Tensor> seeds_or_none(const shim_tensor *seeds, int64_t count) {
  if (seeds == nullptr) return {};
  return borrow(seeds, count);
}

shim_status backward(const shim_tensor *tensors, int64_t count, const shim_tensor *seeds, bool retain_graph,
                     bool create_graph, const shim_tensor *inputs, int64_t input_count) {
  return guarded([&] {
    torch::autograd::backward(borrow(tensors, count), seeds_or_none(seeds, count), retain_graph, create_graph,
                              inputs == nullptr ? std::vector<at::Tensor>() : borrow(inputs, input_count));
  });
}

shim_status grad(const shim_tensor *outputs, int64_t count, const shim_tensor *inputs, int64_t input_count,
                 const shim_tensor *seeds, bool retain_graph, bool create_graph, bool allow_unused,
                 shim_tensor *gradients) {
  return guarded([&] {
    auto result = torch::autograd::grad(borrow(outputs, count), borrow(inputs, input_count),
                                        seeds_or_none(seeds, count), retain_graph, create_graph, allow_unused);
    for (size_t i = 0; i < result.size(); ++i) gradients[i] = hand_out(std::move(result[i]));
  });
}

shim_status set_autocast(int32_t device_type, bool on, int32_t dtype, bool *was_on, int32_t *was_dtype) {
  return guarded([&] {
    const auto type = static_cast<c10::DeviceType>(device_type);
    const auto wanted = static_cast<at::ScalarType>(dtype);
    const bool before = at::autocast::is_autocast_enabled(type);
    const auto dtype_before = at::autocast::get_autocast_dtype(type);
    // The cache knows a weight's copy by the weight alone, whatever its dtype.
    if (dtype_before != wanted) at::autocast::clear_cache();
    at::autocast::set_autocast_dtype(type, wanted);
    at::autocast::set_autocast_enabled(type, on);
    *was_on = before;
    *was_dtype = static_cast<int32_t>(dtype_before);
  });
}

}  // namespace

void add_autograd(torch_shim &table) {
  table.set_requires_grad = [](shim_tensor handle, bool on) {
    return guarded([&] { borrow(handle).set_requires_grad(on); });
  };
  table.grad_get = [](shim_tensor handle, shim_tensor *out) {
    return guarded([&] { *out = hand_out(borrow(handle).grad()); });
  };
  table.grad_set = [](shim_tensor handle, shim_tensor value) {
    return guarded([&] { borrow(handle).mutable_grad() = borrow(value); });
  };
  table.backward = backward;
  table.grad = grad;
  table.grad_enabled = [] { return c10::GradMode::is_enabled(); };
  table.set_grad_enabled = [](bool on) { c10::GradMode::set_enabled(on); };
  table.inference_mode_enter = []() -> void * { return new c10::InferenceMode(); };
  table.inference_mode_leave = [](void *guard) { delete static_cast<c10::InferenceMode *>(guard); };
  table.set_autocast = set_autocast;
  table.clear_autocast_cache = [] { at::autocast::clear_cache(); };
}

}  // namespace shim
