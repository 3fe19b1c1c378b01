// What the table can do anywhere, and what CUDA's half must add to it.
#include "training.hpp"

#include <cmath>
#include <cstring>
#include <thread>

namespace selftest {
namespace {

const Register errors("errors have a sentence and leave no handle", Needs::nothing, [] {
  shim_operator op = nullptr;
  require(shim->operator_find("aten::no_such_operator", "", &op) == SHIM_NOT_FOUND, "an unknown operator was found");
  require(strstr(shim->last_error(), "no_such_operator") != nullptr, "the error does not name the operator");
  const Tensor a = zeros({2, 3}, cpu), b = zeros({2, 3}, cpu);
  const auto error = refusal("a product of 2x3 and 2x3", [&] { call("aten::mm", "", {a, b}); });
  require(strstr(error.what(), "shapes") != nullptr, std::string("unexpected words: ") + error.what());
  shim_graph graph = nullptr;
  require(shim->graph_new(cpu, &graph) != SHIM_OK, "a graph of the CPU was made");
  return std::string();
});

const Register too_much("more memory than the machine has is refused, and work goes on", Needs::nothing, [] {
  refusal("64 TiB", [] { zeros({int64_t{1} << 46}, cpu, SHIM_UINT8); });
  require(item(call("aten::sum", "", {call("aten::ones", "", {std::vector<int64_t>{2}})})) == 2, "1 + 1 is not 2");
  return std::string();
});

const Register training("a small network learns, cpu", Needs::nothing, [] { return words(Network(cpu).train(40)); });

const Register information("the device tells its name and memory", Needs::device, [] {
  shim_device_info info{};
  ok(shim->cuda_device_info(0, &info));
  require(info.name[0] != 0 && info.total_bytes > 0 && info.free_bytes > 0, "the name or the memory is missing");
  require(shim->cuda_built(), "libtorch says that it has no CUDA");
  char text[400];
  snprintf(text, sizeof text, "%s, capability %d.%d, %.1f of %.1f GiB free", info.name, info.capability_major,
           info.capability_minor, info.free_bytes / 1073741824.0, info.total_bytes / 1073741824.0);
  return std::string(text);
});

// Sums of products of small integers are exact in whatever order; a transform (Winograd, FFT) may be off by less than half.
const Register arithmetic("convolution and linear equal the CPU's, on integers", Needs::device, [] {
  std::vector<float> values(2 * 3 * 12 * 12), kernels(4 * 3 * 3 * 3);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i * 7 % 11) - 5;
  for (size_t i = 0; i < kernels.size(); ++i) kernels[i] = static_cast<float>(i * 5 % 7) - 3;
  std::vector<std::vector<float>> results;
  for (shim_device device : {cpu, cuda}) {
    const Tensor x = tensor(values, SHIM_FLOAT32, {2, 3, 12, 12}, device);
    const Tensor w = tensor(kernels, SHIM_FLOAT32, {4, 3, 3, 3}, device);
    ok(shim->set_requires_grad(x.get(), true));
    ok(shim->set_requires_grad(w.get(), true));
    const std::vector<int64_t> one{1, 1}, none{0, 0};
    const Tensor y = call("aten::conv2d", "", {x, w, nullptr, one, one, one, 1});
    const Tensor rows = call("aten::round", "", {call("aten::flatten", "using_ints", {y, 1, -1})});
    const Tensor products = call("aten::linear", "", {rows, rows});
    const Tensor sum = call("aten::sum", "", {y});
    const shim_tensor outputs[]{sum.get()};
    ok(shim->backward(outputs, 1, nullptr, false, false, nullptr, 0));
    std::vector<float> all;
    const auto add = [&](const Tensor &t) {
      for (float value : t.values<float>()) all.push_back(std::round(value));
    };
    add(y), add(products);
    for (const Tensor *leaf : {&x, &w}) {
      shim_tensor gradient = nullptr;
      ok(shim->grad_get(leaf->get(), &gradient));
      add(Tensor(gradient));
    }
    results.push_back(std::move(all));
  }
  require(results[0] == results[1], "the GPU's values are not the CPU's");
  return std::to_string(results[0].size()) + " values";
});

const Register tf32("without TF32 a float32 product keeps every bit", Needs::device, [] {
  const auto product = [](bool on) {
    ok(shim->set_context_flag("tf32_matmul", on));
    const Tensor x = call("aten::full", "", {std::vector<int64_t>{64, 64}, 1 + 0x1p-20, SHIM_FLOAT32, nullptr, cuda});
    const Tensor identity = call("aten::eye", "", {64, SHIM_FLOAT32, nullptr, cuda});
    return call("aten::mm", "", {x, identity}).values<float>()[0];
  };
  const float on = product(true), off = product(false);
  require(off == 1 + 0x1p-20F, "the product was rounded");
  return std::string(on == off ? "with TF32 it keeps them too" : "with TF32 it is rounded");
});

const Register other_thread("another thread uses the device while a graph is recorded", Needs::device, [] {
  const Tensor x = zeros({16}, cuda);
  Graph graph;
  std::string trouble;
  graph.capture([&] {
    call("aten::add_", "Scalar", {x, 1});
    std::thread([&] {
      try {
        const Tensor ones = call("aten::ones", "", {std::vector<int64_t>{1 << 20}, SHIM_FLOAT32, nullptr, cuda});
        require(item(call("aten::sum", "", {ones})) == 1 << 20, "its sum is wrong");
      } catch (const std::exception &error) {
        trouble = error.what();
      }
    }).join();
    call("aten::add_", "Scalar", {x, 1});
  });
  require(trouble.empty(), "the other thread: " + trouble);
  graph.replay();
  require(x.values<float>()[15] == 2, "the recording lacks a step");
  return std::string();
});

const Register pinned("pinned memory arrives on the device", Needs::device, [] {
  std::vector<float> values(100000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  const Tensor host = call("aten::pin_memory", "", {tensor(values, SHIM_FLOAT32, {100000}, cpu)});
  const Tensor there = call("aten::to", "device", {host, cuda, SHIM_FLOAT32, true});
  ok(shim->synchronize(cuda));
  require(there.values<float>() == values, "other values arrived");
  return std::string();
});

const Register autocast("autocast computes a linear layer in bfloat16", Needs::device, [] {
  bool was_on = false;
  int32_t was = 0;
  ok(shim->set_autocast(SHIM_CUDA, true, SHIM_BFLOAT16, &was_on, &was));
  const Tensor x = zeros({4, 4}, cuda);
  const int32_t dtype = call("aten::linear", "", {x, x}).info().dtype;
  ok(shim->set_autocast(SHIM_CUDA, was_on, was, &was_on, &was));
  shim->clear_autocast_cache();
  require(dtype == SHIM_BFLOAT16, "its result has dtype " + std::to_string(dtype));
  return std::string();
});

const Register generator("a generator's state on the device, set again, draws the same", Needs::device, [] {
  shim_generator generator = nullptr;
  ok(shim->generator_default(cuda, &generator));
  const auto draws = [&]() -> std::pair<std::vector<float>, std::vector<float>> {
    shim_tensor raw = nullptr;
    ok(shim->generator_get_state(generator, &raw));
    const Tensor state(raw);
    auto first = rand({100}, cuda).values<float>();
    ok(shim->generator_set_state(generator, state.get()));
    return {std::move(first), rand({100}, cuda).values<float>()};
  };
  try {
    ok(shim->manual_seed(5));
    const auto [first, second] = draws();
    shim->generator_release(generator);
    require(first == second, "other numbers came");
  } catch (const Refused &) {
    shim->generator_release(generator);
    throw;
  }
  return std::string();
});

const Register device_memory("more memory than the device has is refused as such, and the device goes on", Needs::device, [] {
  const auto error = refusal("64 TiB", [] { zeros({int64_t{1} << 46}, cuda, SHIM_UINT8); });
  require(error.status == SHIM_OUT_OF_MEMORY, std::string("it is another error: ") + error.what());
  require(item(call("aten::sum", "", {call("aten::ones", "", {std::vector<int64_t>{2}, SHIM_FLOAT32, nullptr, cuda})})) == 2,
          "afterwards 1 + 1 is not 2");
  return std::string();
});

}  // namespace
}  // namespace selftest
