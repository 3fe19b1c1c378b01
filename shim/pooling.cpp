// Max pooling of windows that touch but do not overlap, joined with the ReLU before it. libtorch's own kernel
// handles any windows and stores 64-bit indices; this one reads every element once.
#include "pooling.hpp"

#include <ATen/Parallel.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define SHIM_HAS_TARGETS 1
#endif
#ifdef __GNUC__
#pragma GCC diagnostic ignored "-Wpsabi"  // vectors never leave this file
#endif
#define SHIM_INLINE inline __attribute__((always_inline))

namespace shim {
namespace {

struct Window {
  int64_t kernel_height, kernel_width;
  int64_t row;      // elements from one input row to the next
  int64_t column;   // elements from one input column to the next
  bool relu;
};

// One source, several instruction sets.
namespace any {
#define SHIM_TARGET
#include "pooling_kernels.inc"
#undef SHIM_TARGET
}  // namespace any
#ifdef SHIM_HAS_TARGETS
namespace avx2 {
#define SHIM_TARGET __attribute__((target("avx2")))
#include "pooling_kernels.inc"
#undef SHIM_TARGET
}  // namespace avx2
namespace avx512 {
#define SHIM_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#include "pooling_kernels.inc"
#undef SHIM_TARGET
}  // namespace avx512
#endif

struct Kernels {
  decltype(&any::pool_channels) pool_channels = any::pool_channels;
  decltype(&any::pool_row) pool_row = any::pool_row;
  decltype(&any::spread_channels) spread_channels = any::spread_channels;
  decltype(&any::spread_row) spread_row = any::spread_row;

  Kernels() {
#ifdef SHIM_HAS_TARGETS
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
      pool_channels = avx512::pool_channels, pool_row = avx512::pool_row;
      spread_channels = avx512::spread_channels, spread_row = avx512::spread_row;
    } else if (__builtin_cpu_supports("avx2")) {
      pool_channels = avx2::pool_channels, pool_row = avx2::pool_row;
      spread_channels = avx2::spread_channels, spread_row = avx2::spread_row;
    }
#endif
  }
};

// Those for this processor.
const Kernels &kernels() {
  static const Kernels best;
  return best;
}

bool channels_are_last(const Tensor &x) { return !x.is_contiguous() && x.is_contiguous(at::MemoryFormat::ChannelsLast); }

}  // namespace

// Pointers are asked for without their type: the typed functions are not in every version of libtorch.
bool pools_touch(const Tensor &x, const Ints &kernel, const Ints &stride, const Ints &padding, const Ints &dilation,
                 bool ceil_mode) {
  if (x.dim() != 4 || !x.is_cpu() || x.scalar_type() != at::kFloat || kernel != stride) return false;
  if (!x.is_contiguous() && !x.is_contiguous(at::MemoryFormat::ChannelsLast)) return false;
  for (int64_t d = 0; d < 2; ++d) {
    if (padding[d] != 0 || dilation[d] != 1 || x.size(d + 2) < kernel[d]) return false;
    if (ceil_mode && x.size(d + 2) % kernel[d] != 0) return false;
  }
  return kernel[0] * kernel[1] <= 255;
}

std::pair<Tensor, Tensor> touching_max_pool2d(const Tensor &x, const Ints &kernel, bool relu, bool record) {
  const int64_t channels = x.size(1), height = x.size(2), width = x.size(3);
  const int64_t rows = height / kernel[0], columns = width / kernel[1];
  const bool last = channels_are_last(x);
  const auto format = last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
  const Tensor y = at::empty({x.size(0), channels, rows, columns}, x.options(), format);
  const Tensor places = record ? at::empty(y.sizes(), y.options().dtype(at::kByte), format) : Tensor();
  const float *from = static_cast<const float *>(x.const_data_ptr());
  float *to = static_cast<float *>(y.mutable_data_ptr());
  uint8_t *place = record ? static_cast<uint8_t *>(places.mutable_data_ptr()) : nullptr;
  const int64_t unit = last ? channels : 1;
  const Window window{kernel[0], kernel[1], width * unit, unit, relu};
  const int64_t lines = x.size(0) * (last ? 1 : channels) * rows, line = columns * unit;
  at::parallel_for(0, lines, std::max<int64_t>(1, 32768 / std::max<int64_t>(1, line)), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float *row = from + (i / rows * height + i % rows * kernel[0]) * width * unit;
      uint8_t *marks = place == nullptr ? nullptr : place + i * line;
      if (!last) {
        kernels().pool_row(row, to + i * line, marks, columns, window);
        continue;
      }
      kernels().pool_channels(row, to + i * line, marks, columns, channels, window);
    }
  });
  return {y, places};
}

Tensor touching_max_pool2d_backward(const Tensor &gradient, const Tensor &output, const Tensor &places,
                                    at::IntArrayRef input_sizes, const Ints &kernel, bool relu) {
  const int64_t channels = input_sizes[1], height = input_sizes[2], width = input_sizes[3];
  const int64_t rows = height / kernel[0], columns = width / kernel[1];
  const bool last = channels_are_last(output);
  const auto format = last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
  const Tensor given = gradient.contiguous(format);
  const Tensor dx = at::empty(input_sizes, output.options(), format);
  // Rows and columns that no window reaches.
  if (height % kernel[0] != 0 || width % kernel[1] != 0) dx.zero_();
  const float *from = static_cast<const float *>(given.const_data_ptr()), *y = static_cast<const float *>(output.const_data_ptr());
  const uint8_t *place = static_cast<const uint8_t *>(places.const_data_ptr());
  float *to = static_cast<float *>(dx.mutable_data_ptr());
  const int64_t unit = last ? channels : 1;
  const Window window{kernel[0], kernel[1], width * unit, unit, relu};
  const int64_t lines = input_sizes[0] * (last ? 1 : channels) * rows, line = columns * unit;
  at::parallel_for(0, lines, std::max<int64_t>(1, 32768 / std::max<int64_t>(1, line)), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      float *row = to + (i / rows * height + i % rows * kernel[0]) * width * unit;
      if (!last) {
        kernels().spread_row(from + i * line, y + i * line, place + i * line, row, columns, window);
        continue;
      }
      kernels().spread_channels(from + i * line, y + i * line, place + i * line, row, columns, channels, window);
    }
  });
  return dx;
}

}  // namespace shim
