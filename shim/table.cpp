// The table itself: what Swift gets when it opens the shim, and the errors of all entries.
#include "shim.hpp"

#include <ATen/Version.h>
#include <torch/version.h>

#include <new>

namespace shim {

std::atomic<int64_t> live{0};
thread_local std::string last_error;

// CUDA's own libraries, and a graph that is launched, run out of memory past libtorch's allocator.
static bool is_out_of_memory(const std::string &text) {
  for (const char *words : {"CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED"}) {
    if (text.find(words) != std::string::npos) return true;
  }
  return false;
}

shim_status report_current_exception() noexcept {
  try {
    try {
      throw;
    } catch (const c10::OutOfMemoryError &error) {
      last_error = error.what_without_backtrace();
      return SHIM_OUT_OF_MEMORY;
    } catch (const c10::Error &error) {
      last_error = error.what_without_backtrace();
      return is_out_of_memory(last_error) ? SHIM_OUT_OF_MEMORY : SHIM_ERROR;
    } catch (const NotFound &error) {
      last_error = error.what();
      return SHIM_NOT_FOUND;
    } catch (const std::bad_alloc &) {
      last_error = "out of memory";
      return SHIM_OUT_OF_MEMORY;
    } catch (const std::exception &error) {
      last_error = error.what();
      return SHIM_ERROR;
    } catch (...) {
      last_error = "an exception that is not a std::exception";
      return SHIM_ERROR;
    }
  } catch (...) {
    // Keeping the text itself failed: there is no memory left for it.
    last_error.clear();
    return SHIM_OUT_OF_MEMORY;
  }
}

// The version that the loaded library gives in the text about its build; TORCH_VERSION is the headers'.
static const char *running_version() {
  static const std::string version = [] {
    std::string text;
    guarded([&] { text = at::show_config(); });
    const std::string key = "TORCH_VERSION=";
    const size_t found = text.find(key);
    if (found == std::string::npos) return std::string(TORCH_VERSION);
    const size_t begin = found + key.size();
    return text.substr(begin, text.find_first_of(", \n", begin) - begin);
  }();
  return version.c_str();
}

static torch_shim make_table() {
#ifdef TORCHLAYERS_CUDA
  open_nvrtc_builtins();
#endif
  torch_shim table{};
  table.abi = TORCH_SHIM_ABI;
  table.built_version = SHIM_BUILT_VERSION;
  table.built_variant = SHIM_BUILT_VARIANT;
  table.running_version = running_version();
  table.last_error = [] { return last_error.c_str(); };
  table.live_handles = [] { return live.load(std::memory_order_relaxed); };
  table.build_configuration = [] {
    static const std::string text = at::show_config();
    return text.c_str();
  };
  table.cpu_capability = [] {
    static const std::string text = at::get_cpu_capability();
    return text.c_str();
  };
  add_operators(table);
  add_tensors(table);
  add_autograd(table);
  add_random(table);
  add_devices(table);
  add_script(table);
  add_plan(table);
  add_memory(table);
  add_cuda_graph(table);
  return table;
}

}  // namespace shim

extern "C" __attribute__((visibility("default"))) const torch_shim *torch_shim_table() {
  static const torch_shim table = shim::make_table();
  return &table;
}
