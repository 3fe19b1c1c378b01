// Shared by the shim's files: how handles stand for libtorch's objects, and how errors leave.
#pragma once

#include <torch_shim.h>

#include <ATen/ATen.h>
#include <ATen/core/Generator.h>
#include <torch/script.h>

#include <atomic>
#include <string>
#include <utility>
#include <vector>

namespace shim {

extern std::atomic<int64_t> live;           // handles handed out and not given back
extern thread_local std::string last_error;  // what shim.last_error() returns

// Runs `body`; turns whatever it throws into a status and the thread's error text.
shim_status report_current_exception() noexcept;

template <class Body>
shim_status guarded(Body &&body) noexcept {
  try {
    body();
    return SHIM_OK;
  } catch (...) {
    return report_current_exception();
  }
}

struct NotFound : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// --- Tensors. A handle is the TensorImpl itself with one reference of its own: no allocation. ---

inline shim_tensor hand_out(at::Tensor tensor) {
  if (!tensor.defined()) return nullptr;
  live.fetch_add(1, std::memory_order_relaxed);
  return reinterpret_cast<shim_tensor>(tensor.unsafeReleaseTensorImpl());
}

inline void release(shim_tensor handle) {
  if (handle == nullptr) return;
  live.fetch_sub(1, std::memory_order_relaxed);
  c10::raw::intrusive_ptr::decref(reinterpret_cast<c10::TensorImpl *>(handle));
}

inline at::Tensor borrow(shim_tensor handle) {
  if (handle == nullptr) return {};
  return at::Tensor(c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::unsafe_reclaim_from_nonowning(
      reinterpret_cast<c10::TensorImpl *>(handle)));
}

inline std::vector<at::Tensor> borrow(const shim_tensor *handles, int64_t count) {
  std::vector<at::Tensor> tensors;
  tensors.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) tensors.push_back(borrow(handles[i]));
  return tensors;
}

inline at::Generator &generator(shim_generator handle) { return *reinterpret_cast<at::Generator *>(handle); }

inline torch::jit::Module &module(shim_module handle) {
  return *reinterpret_cast<torch::jit::Module *>(handle);
}

inline c10::Device device(shim_device d) {
  return c10::Device(static_cast<c10::DeviceType>(d.type), static_cast<c10::DeviceIndex>(d.index));
}

inline at::IntArrayRef int_list(const int64_t *values, int64_t count) {
  return at::IntArrayRef(values, static_cast<size_t>(count));
}

// --- Each file adds its entries to the table. ---
void add_operators(torch_shim &table);
void add_tensors(torch_shim &table);
void add_autograd(torch_shim &table);
void add_random(torch_shim &table);
void add_devices(torch_shim &table);
void add_script(torch_shim &table);
void add_plan(torch_shim &table);
void add_memory(torch_shim &table);
void add_cuda_graph(torch_shim &table);

#ifdef TORCHLAYERS_CUDA
void open_nvrtc_builtins();
#endif

}  // namespace shim
