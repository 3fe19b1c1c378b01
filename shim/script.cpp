// TorchScript: a module built from source text or recorded from a run, saved, loaded and called.
#include "shim.hpp"

#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/csrc/jit/serialization/export.h>
#include <torch/serialize.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace shim {
namespace {

shim_module hand_out_module(torch::jit::Module value) {
  auto handle = reinterpret_cast<shim_module>(new torch::jit::Module(std::move(value)));
  live.fetch_add(1, std::memory_order_relaxed);
  return handle;
}

shim_status module_new(const char *class_name, shim_module like, shim_module *out) {
  return guarded([&] {
    auto unit = like != nullptr ? module(like)._ivalue()->compilation_unit()
                                : std::make_shared<torch::jit::CompilationUnit>();
    torch::jit::Module fresh(c10::QualifiedName(class_name), unit);
    fresh.register_attribute("training", c10::BoolType::get(), true);
    *out = hand_out_module(std::move(fresh));
  });
}

shim_status module_trace(shim_module handle, const shim_tensor *inputs, int64_t count, shim_trace_body body,
                         void *context) {
  return guarded([&] {
    torch::jit::Stack arguments;
    for (const auto &input : borrow(inputs, count)) arguments.emplace_back(input);
    auto run = [&](torch::jit::Stack stack) -> torch::jit::Stack {
      std::vector<shim_tensor> handles;
      for (const auto &value : stack) handles.push_back(hand_out(value.toTensor()));
      shim_tensor output = nullptr;
      const int32_t failed = body(context, handles.data(), static_cast<int64_t>(handles.size()), &output);
      for (shim_tensor input : handles) release(input);
      if (failed != 0 || output == nullptr) throw std::runtime_error("the traced forward failed");
      at::Tensor result = borrow(output);
      release(output);
      return {result};
    };
    auto &self = module(handle);
    auto state = torch::jit::tracer::trace(
                     std::move(arguments), run, [](const at::Tensor &) { return std::string(); },
                     /*strict=*/true, /*force_outplace=*/false, &self)
                     .first;
    auto function = self._ivalue()->compilation_unit()->create_function(
        c10::QualifiedName(*self.type()->name(), "forward"), state->graph);
    self.type()->addMethod(function);
  });
}

shim_status module_forward(shim_module handle, const shim_tensor *inputs, int64_t count, shim_tensor *out) {
  return guarded([&] {
    torch::jit::Stack arguments;
    for (const auto &input : borrow(inputs, count)) arguments.emplace_back(input);
    auto result = module(handle).forward(std::move(arguments));
    if (!result.isTensor()) throw std::invalid_argument("forward returned a " + result.tagKind() + ", not a Tensor");
    *out = hand_out(std::move(result).toTensor());
  });
}

shim_status module_save(shim_module handle, const char *path, const char *extra_name, const char *extra_text) {
  return guarded([&] {
    torch::jit::ExtraFilesMap extra;
    if (extra_name != nullptr && extra_text != nullptr) extra[extra_name] = extra_text;
    std::unique_ptr<std::FILE, int (*)(std::FILE *)> file(std::fopen(path, "wb"), std::fclose);
    if (file == nullptr) throw std::runtime_error(std::strerror(errno));
    // libtorch finishes the archive in a destructor, where a failed write would end the program: it is told
    // that every write went well.
    int failure = 0;
    auto write = [&](const void *bytes, size_t count) {
      if (failure == 0 && std::fwrite(bytes, 1, count, file.get()) != count) failure = errno;
      return count;
    };
    torch::jit::ExportModule(module(handle), write, extra);
    if (failure == 0 && std::fflush(file.get()) != 0) failure = errno;
    if (failure != 0) throw std::runtime_error(std::strerror(failure));
  });
}

const char *module_state_names(shim_module handle) {
  thread_local std::string text;
  text.clear();
  guarded([&] {
    for (const auto &item : module(handle).named_parameters()) text += item.name + "\n";
    for (const auto &item : module(handle).named_buffers()) text += item.name + "\n";
  });
  return text.c_str();
}

shim_status module_state(shim_module handle, const char *name, shim_tensor *out) {
  return guarded([&] {
    for (const auto &item : module(handle).named_parameters()) {
      if (item.name == name) return void(*out = hand_out(item.value));
    }
    for (const auto &item : module(handle).named_buffers()) {
      if (item.name == name) return void(*out = hand_out(item.value));
    }
    throw NotFound(std::string("the module has no parameter or buffer ") + name);
  });
}

}  // namespace

void add_script(torch_shim &table) {
  table.module_new = module_new;
  table.module_release = [](shim_module handle) {
    live.fetch_sub(1, std::memory_order_relaxed);
    delete &module(handle);
  };
  table.module_register_parameter = [](shim_module handle, const char *name, shim_tensor tensor) {
    return guarded([&] { module(handle).register_parameter(name, borrow(tensor), /*is_buffer=*/false); });
  };
  table.module_register_buffer = [](shim_module handle, const char *name, shim_tensor tensor) {
    return guarded([&] { module(handle).register_buffer(name, borrow(tensor)); });
  };
  table.module_register_module = [](shim_module handle, const char *name, shim_module child) {
    return guarded([&] { module(handle).register_module(name, module(child)); });
  };
  table.module_define = [](shim_module handle, const char *source) {
    return guarded([&] { module(handle).define(source); });
  };
  table.module_trace = module_trace;
  table.module_train = [](shim_module handle, bool on) { return guarded([&] { module(handle).train(on); }); };
  table.module_save = module_save;
  table.module_load = [](const char *path, shim_device d, shim_module *out) {
    return guarded([&] { *out = hand_out_module(torch::jit::load(path, device(d))); });
  };
  table.module_forward = module_forward;
  table.module_state_names = module_state_names;
  table.module_state = module_state;
}

}  // namespace shim
