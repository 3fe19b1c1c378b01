// Max pooling that reads every element once.
#pragma once

#include "plan.hpp"

namespace shim {

// Max pooling of windows that touch but do not overlap, after ReLU when `relu`; equal to libtorch's to the bit, ties
// and NaN included. The second result says for every window which of its elements it was.
bool pools_touch(const Tensor &x, const Ints &kernel, const Ints &stride, const Ints &padding, const Ints &dilation,
                 bool ceil_mode);
std::pair<Tensor, Tensor> touching_max_pool2d(const Tensor &x, const Ints &kernel, bool relu, bool record);
Tensor touching_max_pool2d_backward(const Tensor &gradient, const Tensor &output, const Tensor &places,
                                    at::IntArrayRef input_sizes, const Ints &kernel, bool relu);

}  // namespace shim
