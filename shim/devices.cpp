// Devices, threads and libtorch's global settings.
#include "shim.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <torch/cuda.h>

#include <dlfcn.h>

#include <cstring>

#ifdef TORCHLAYERS_CUDA
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <cuda_runtime_api.h>
#endif

namespace shim {
namespace {

shim_status cuda_device_info(int32_t index, shim_device_info *out) {
  return guarded([&] {
    if (index < 0 || index >= static_cast<int32_t>(torch::cuda::device_count())) {
      throw NotFound("there is no CUDA device " + std::to_string(index));
    }
    *out = {};
    out->total_bytes = out->free_bytes = -1;
#ifdef TORCHLAYERS_CUDA
    cudaDeviceProp properties;
    C10_CUDA_CHECK(cudaGetDeviceProperties(&properties, index));
    std::snprintf(out->name, sizeof out->name, "%s", properties.name);
    out->capability_major = properties.major;
    out->capability_minor = properties.minor;
    c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(index));
    size_t free_bytes = 0, total_bytes = 0;
    if (cudaMemGetInfo(&free_bytes, &total_bytes) == cudaSuccess) {
      out->free_bytes = static_cast<int64_t>(free_bytes);
      out->total_bytes = static_cast<int64_t>(total_bytes);
    }
#else
    std::snprintf(out->name, sizeof out->name, "%s", "CUDA device (shim built without CUDA headers)");
#endif
  });
}

void cuda_state(shim_cuda_state *out) {
  *out = {};
#ifdef TORCHLAYERS_CUDA
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess) {
    std::snprintf(out->error, sizeof out->error, "%s", cudaGetErrorString(error));
    (void)cudaGetLastError();
  } else if (count == 0) {
    std::snprintf(out->error, sizeof out->error, "%s", cudaGetErrorString(cudaErrorNoDevice));
  }
  int version = 0;
  if (cudaDriverGetVersion(&version) == cudaSuccess) out->driver = version;
  if (cudaRuntimeGetVersion(&version) == cudaSuccess) out->runtime = version;
#endif
}

// A setting of the context: how it is set, and how it is read.
struct Flag {
  const char *name;
  void (*set)(at::Context &, bool);
  bool (*get)(at::Context &);
};

constexpr Flag flags[] = {
    {"deterministic", [](at::Context &c, bool on) { c.setDeterministicAlgorithms(on, false); },
     [](at::Context &c) { return c.deterministicAlgorithms(); }},
    {"deterministic_cudnn", [](at::Context &c, bool on) { c.setDeterministicCuDNN(on); },
     [](at::Context &c) { return c.deterministicCuDNN(); }},
    {"benchmark_cudnn", [](at::Context &c, bool on) { c.setBenchmarkCuDNN(on); },
     [](at::Context &c) { return c.benchmarkCuDNN(); }},
    {"tf32_cudnn", [](at::Context &c, bool on) { c.setAllowTF32CuDNN(on); },
     [](at::Context &c) { return c.allowTF32CuDNN(); }},
    {"tf32_matmul", [](at::Context &c, bool on) { c.setAllowTF32CuBLAS(on); },
     [](at::Context &c) { return c.allowTF32CuBLAS(); }},
};

const Flag &find_flag(const char *name) {
  for (const Flag &flag : flags) {
    if (std::strcmp(flag.name, name) == 0) return flag;
  }
  throw NotFound(std::string("libtorch's context has no flag ") + name);
}

shim_status set_context_flag(const char *name, bool on) {
  return guarded([&] { find_flag(name).set(at::globalContext(), on); });
}

shim_status get_context_flag(const char *name, bool *out) {
  return guarded([&] { *out = find_flag(name).get(at::globalContext()); });
}

}  // namespace

void add_devices(torch_shim &table) {
  // hasCUDA() would say whether there is a device.
  table.cuda_built = [] { return at::Context::hasCUDART(); };
  table.cuda_device_count = [] {
    int32_t count = 0;
    guarded([&] { count = torch::cuda::is_available() ? static_cast<int32_t>(torch::cuda::device_count()) : 0; });
    return count;
  };
  table.cuda_device_info = cuda_device_info;
  table.cuda_state = cuda_state;
  table.synchronize = [](shim_device d) {
    return guarded([&] {
      if (d.type == SHIM_CUDA) torch::cuda::synchronize(d.index);
    });
  };
  table.get_num_threads = [] { return static_cast<int32_t>(at::get_num_threads()); };
  table.set_num_threads = [](int32_t count) { return guarded([&] { at::set_num_threads(count); }); };
  table.set_context_flag = set_context_flag;
  table.get_context_flag = get_context_flag;
  table.symbol_library = [](const char *name) -> const char * {
    // The search that libtorch's own references go through: the program's symbols first, then the shim's libraries.
    void *address = dlsym(RTLD_DEFAULT, name);
    Dl_info info;
    return address != nullptr && dladdr(address, &info) != 0 ? info.dli_fname : nullptr;
  };
}

}  // namespace shim
