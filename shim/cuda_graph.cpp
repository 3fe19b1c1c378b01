// CUDA graphs: a training step's kernels are recorded once and then launched together. And what libtorch's allocator
// says about the memory of a CUDA device.
#include "shim.hpp"

#ifdef TORCHLAYERS_CUDA

#include <ATen/Context.h>
#include <ATen/core/CachingHostAllocator.h>
#include <ATen/cuda/CUDAGeneratorImpl.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <cuda_runtime_api.h>

#include <memory>
#include <mutex>

namespace allocator = c10::cuda::CUDACachingAllocator;

struct shim_graph_s {
  // Recording needs a stream that is not the default one. The steps before it run here too: what cuBLAS and autograd
  // set up for a stream is then there.
  c10::cuda::CUDAStream stream;
  std::unique_ptr<at::cuda::CUDAGraph> recorded;

  c10::DeviceIndex device() const { return stream.device_index(); }
};

namespace shim {
namespace {

// Whatever `waiting` is given from now on begins after what `awaited` was given until now.
void wait(const c10::cuda::CUDAStream &waiting, const c10::cuda::CUDAStream &awaited) {
  c10::cuda::CUDAEvent event;
  event.record(awaited);
  event.block(waiting);
}

template <class Step>
void attempt(Step &&step) noexcept {
  try {
    step();
  } catch (...) {
    // Some of what abandon() does has been done by newer versions of libtorch, which object to its repetition.
  }
}

// Whether a generator remembers of itself that it is being recorded, and so refuses to draw after a recording that
// failed. Newer ones remember it of each recording.
template <class State>
constexpr bool sticks = requires(State *state) { state->capturing_; };

// Undoes a recording that failed. libtorch leaves the stream, the allocators and the generator in the middle of it.
void abandon(std::unique_ptr<at::cuda::CUDAGraph> &graph, const c10::cuda::CUDAStream &stream,
             c10::MempoolId_t pool) {
  const auto device = stream.device_index();
  attempt([&] {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    C10_CUDA_CHECK(cudaStreamIsCapturing(stream, &status));
    if (status == cudaStreamCaptureStatusNone) return;
    cudaGraph_t partial = nullptr;
    C10_CUDA_IGNORE_ERROR(cudaStreamEndCapture(stream, &partial));
    if (partial != nullptr) C10_CUDA_CHECK(cudaGraphDestroy(partial));
  });
  // Before the graph goes: what the allocators ask at every allocation points to it.
  attempt([&] { allocator::endAllocateToPool(device, pool); });
  attempt([&] { at::getHostAllocator(at::kCUDA)->end_allocate_to_pool(pool); });
  graph.reset();
  attempt([&] {
    if (allocator::getPoolUseCount(device, pool) > 0) allocator::releasePool(device, pool);
  });
  if constexpr (sticks<at::CUDAGeneratorState>) {
    attempt([&] {
      at::Generator generator = at::globalContext().defaultGenerator(c10::Device(c10::kCUDA, device));
      std::lock_guard<std::mutex> lock(generator.mutex());
      // A copy of the state, with the same seed and place but without that memory.
      generator.graphsafe_set_state(generator.clone());
    });
  }
  (void)cudaGetLastError();  // otherwise the next kernel would be blamed
}

shim_status graph_new(shim_device d, shim_graph *out) {
  return guarded([&] {
    if (d.type != SHIM_CUDA) throw std::invalid_argument("a graph needs a CUDA device");
    at::globalContext().lazyInitDevice(c10::kCUDA);
    const auto index = d.index >= 0 ? static_cast<c10::DeviceIndex>(d.index) : c10::cuda::current_device();
    *out = new shim_graph_s{c10::cuda::getStreamFromPool(false, index), nullptr};
    live.fetch_add(1, std::memory_order_relaxed);
  });
}

void graph_release(shim_graph graph) {
  live.fetch_sub(1, std::memory_order_relaxed);
  if (graph->recorded) {
    // It may be running.
    attempt([&] {
      c10::cuda::CUDAGuard on_device(graph->device());
      c10::cuda::device_synchronize();
    });
  }
  delete graph;
}

shim_status graph_warm_up(shim_graph graph, shim_work work, void *context) {
  return guarded([&] {
    c10::cuda::CUDAGuard on_device(graph->device());
    const auto before = c10::cuda::getCurrentCUDAStream();
    wait(graph->stream, before);
    int32_t status = 0;
    {
      c10::cuda::CUDAStreamGuard on_stream(graph->stream);
      status = work(context);
    }
    wait(before, graph->stream);
    if (status != 0) throw std::runtime_error("the work failed");
  });
}

shim_status graph_capture(shim_graph graph, shim_work work, void *context) {
  return guarded([&] {
    if (graph->recorded) throw std::invalid_argument("this graph has recorded its work already");
    c10::cuda::CUDAGuard on_device(graph->device());
    // The graph's memory is its own; what others have freed cannot serve it unless it is given back first.
    c10::cuda::device_synchronize();
    allocator::emptyCache();
    at::getHostAllocator(at::kCUDA)->empty_cache();

    c10::cuda::CUDAStreamGuard on_stream(graph->stream);
    const auto pool = at::cuda::graph_pool_handle();
    auto recorded = std::make_unique<at::cuda::CUDAGraph>();
    std::exception_ptr failure;
    int32_t status = 0;
    try {
      // Thread-local: other threads of the program may use the GPU meanwhile. Autograd's threads queue on this stream and
      // are recorded in every mode. The default generator takes part by itself.
      recorded->capture_begin(pool, cudaStreamCaptureModeThreadLocal);
      status = work(context);
      recorded->capture_end();
    } catch (...) {
      failure = std::current_exception();
    }
    if (!failure && status == 0) {
      graph->recorded = std::move(recorded);
      return;
    }
    abandon(recorded, graph->stream, pool);
    if (status != 0 || !failure) throw std::runtime_error("the work failed");
    std::rethrow_exception(failure);
  });
}

shim_status graph_replay(shim_graph graph) {
  return guarded([&] {
    if (!graph->recorded) throw std::invalid_argument("this graph has recorded nothing yet");
    c10::cuda::CUDAGuard on_device(graph->device());
    graph->recorded->replay();
  });
}

shim_status cuda_memory(int32_t index, shim_memory *out) {
  return guarded([&] {
    at::globalContext().lazyInitDevice(c10::kCUDA);
    const auto stats = allocator::getDeviceStats(static_cast<c10::DeviceIndex>(index));
    const auto all = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    *out = {stats.allocated_bytes[all].current, stats.reserved_bytes[all].current, stats.allocated_bytes[all].peak,
            stats.reserved_bytes[all].peak};
  });
}

shim_status cuda_reset_peak_memory(int32_t index) {
  return guarded([&] {
    at::globalContext().lazyInitDevice(c10::kCUDA);
    allocator::resetPeakStats(static_cast<c10::DeviceIndex>(index));
  });
}

shim_status cuda_empty_cache() {
  return guarded([&] { allocator::emptyCache(); });
}

}  // namespace

void add_cuda_graph(torch_shim &table) {
  table.graph_new = graph_new;
  table.graph_release = graph_release;
  table.graph_warm_up = graph_warm_up;
  table.graph_capture = graph_capture;
  table.graph_replay = graph_replay;
  table.cuda_memory = cuda_memory;
  table.cuda_reset_peak_memory = cuda_reset_peak_memory;
  table.cuda_empty_cache = cuda_empty_cache;
}

}  // namespace shim

#else

namespace shim {
namespace {

shim_status without_cuda() {
  return guarded([] { throw NotFound("the shim was built without CUDA"); });
}

}  // namespace

void add_cuda_graph(torch_shim &table) {
  table.graph_new = [](shim_device, shim_graph *) { return without_cuda(); };
  table.graph_release = [](shim_graph) {};
  table.graph_warm_up = [](shim_graph, shim_work, void *) { return without_cuda(); };
  table.graph_capture = [](shim_graph, shim_work, void *) { return without_cuda(); };
  table.graph_replay = [](shim_graph) { return without_cuda(); };
  table.cuda_memory = [](int32_t, shim_memory *) { return without_cuda(); };
  table.cuda_reset_peak_memory = [](int32_t) { return without_cuda(); };
  table.cuda_empty_cache = []() -> shim_status { return SHIM_OK; };
}

}  // namespace shim

#endif
