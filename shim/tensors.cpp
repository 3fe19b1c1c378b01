// Tensors from and to host memory, and what a tensor says about itself.
#include "shim.hpp"

namespace shim {
namespace {

shim_status tensor_new(const void *bytes, int64_t byte_count, int32_t dtype, const int64_t *sizes, int64_t ndim,
                       shim_tensor *out) {
  return guarded([&] {
    auto tensor = at::empty(int_list(sizes, ndim), at::TensorOptions(static_cast<at::ScalarType>(dtype)));
    if (static_cast<int64_t>(tensor.nbytes()) != byte_count) {
      throw std::invalid_argument("the shape needs " + std::to_string(tensor.nbytes()) + " bytes, " +
                                  std::to_string(byte_count) + " were given");
    }
    if (byte_count > 0) std::memcpy(tensor.mutable_data_ptr(), bytes, static_cast<size_t>(byte_count));
    *out = hand_out(std::move(tensor));
  });
}

shim_status tensor_read(shim_tensor handle, void *bytes, int64_t byte_count) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    auto tensor = borrow(handle).detach().to(at::kCPU).contiguous();
    if (static_cast<int64_t>(tensor.nbytes()) != byte_count) {
      throw std::invalid_argument("the tensor has " + std::to_string(tensor.nbytes()) + " bytes, room for " +
                                  std::to_string(byte_count) + " was given");
    }
    if (byte_count > 0) std::memcpy(bytes, tensor.const_data_ptr(), static_cast<size_t>(byte_count));
  });
}

shim_status tensor_info(shim_tensor handle, shim_tensor_info *out) {
  return guarded([&] {
    auto tensor = borrow(handle);
    const bool strided = tensor.layout() == at::kStrided;
    *out = {static_cast<int32_t>(tensor.scalar_type()),
            static_cast<int32_t>(tensor.dim()),
            {static_cast<int32_t>(tensor.device().type()), tensor.device().index()},
            tensor.numel(),
            tensor.sizes().data(),
            strided ? tensor.strides().data() : nullptr,
            tensor.requires_grad(),
            tensor.is_leaf(),
            strided && tensor.is_contiguous()};
  });
}

}  // namespace

void add_tensors(torch_shim &table) {
  table.tensor_new = tensor_new;
  table.tensor_read = tensor_read;
  table.tensor_info = tensor_info;
  table.tensor_retain = [](shim_tensor handle) { return hand_out(borrow(handle)); };
  table.tensor_release = release;
  table.tensor_set_data = [](shim_tensor handle, shim_tensor source) {
    return guarded([&] { borrow(handle).set_data(borrow(source)); });
  };
  table.tensor_version = [](shim_tensor handle) {
    auto tensor = borrow(handle);
    return tensor.is_inference() ? int64_t{0} : tensor._version();
  };
}

}  // namespace shim
