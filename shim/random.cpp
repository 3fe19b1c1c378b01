// Random number generators: the default one of each device, and private ones.
#include "shim.hpp"

#include <ATen/CPUGeneratorImpl.h>

#include <mutex>

namespace shim {
namespace {

shim_generator hand_out_generator(at::Generator value) {
  auto handle = reinterpret_cast<shim_generator>(new at::Generator(std::move(value)));
  live.fetch_add(1, std::memory_order_relaxed);
  return handle;
}

shim_status generator_new(shim_device d, uint64_t seed, shim_generator *out) {
  return guarded([&] {
    auto fresh = d.type == SHIM_CPU ? at::detail::createCPUGenerator(seed)
                                    : at::globalContext().defaultGenerator(device(d)).clone();
    std::lock_guard<std::mutex> lock(fresh.mutex());
    fresh.set_current_seed(seed);
    *out = hand_out_generator(std::move(fresh));
  });
}

}  // namespace

void add_random(torch_shim &table) {
  table.manual_seed = [](uint64_t seed) { return guarded([&] { at::manual_seed(seed); }); };
  table.generator_new = generator_new;
  table.generator_default = [](shim_device d, shim_generator *out) {
    return guarded([&] { *out = hand_out_generator(at::globalContext().defaultGenerator(device(d))); });
  };
  table.generator_release = [](shim_generator handle) {
    live.fetch_sub(1, std::memory_order_relaxed);
    delete &generator(handle);
  };
  table.generator_seed = [](shim_generator handle, uint64_t seed) {
    return guarded([&] {
      std::lock_guard<std::mutex> lock(generator(handle).mutex());
      generator(handle).set_current_seed(seed);
    });
  };
  table.generator_get_state = [](shim_generator handle, shim_tensor *out) {
    return guarded([&] {
      std::lock_guard<std::mutex> lock(generator(handle).mutex());
      *out = hand_out(generator(handle).get_state());
    });
  };
  table.generator_set_state = [](shim_generator handle, shim_tensor state) {
    return guarded([&] {
      std::lock_guard<std::mutex> lock(generator(handle).mutex());
      generator(handle).set_state(borrow(state));
    });
  };
}

}  // namespace shim
