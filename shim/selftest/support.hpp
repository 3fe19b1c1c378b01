// What the checks share: handles that give themselves back, and operators by name.
#pragma once

#include <torch_shim.h>

#include <cstdint>
#include <cstdio>
#include <functional>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace selftest {

extern const torch_shim *shim;

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A call that the shim refused.
struct Refused : Failure {
  Refused(shim_status status, const std::string &text) : Failure(text), status(status) {}
  shim_status status;
};

inline void require(bool holds, const std::string &otherwise) {
  if (!holds) throw Failure(otherwise);
}

inline void ok(shim_status status) {
  if (status != SHIM_OK) throw Refused(status, shim->last_error());
}

// What a check needs, from nothing to a device.
enum class Needs { nothing, cuda_build, device };

struct Check {
  const char *name;
  Needs needs;
  std::function<std::string()> run;  // returns what is worth printing
};
std::vector<Check> &checks();
struct Register {
  Register(const char *name, Needs needs, std::function<std::string()> run) {
    checks().push_back({name, needs, std::move(run)});
  }
};

class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(shim_tensor owned) : handle(owned) {}
  Tensor(Tensor &&other) noexcept : handle(std::exchange(other.handle, nullptr)) {}
  Tensor &operator=(Tensor &&other) noexcept {
    std::swap(handle, other.handle);
    return *this;
  }
  ~Tensor() {
    if (handle != nullptr) shim->tensor_release(handle);
  }
  shim_tensor get() const { return handle; }
  shim_tensor_info info() const {
    shim_tensor_info out{};
    ok(shim->tensor_info(handle, &out));
    return out;
  }
  template <class Element>
  std::vector<Element> values() const {
    std::vector<Element> out(static_cast<size_t>(info().numel));
    ok(shim->tensor_read(handle, out.data(), static_cast<int64_t>(out.size() * sizeof(Element))));
    return out;
  }

 private:
  shim_tensor handle = nullptr;
};

constexpr shim_device cpu{SHIM_CPU, -1}, cuda{SHIM_CUDA, 0};

// An argument of an operator.
struct Value : shim_value {
  Value(const Tensor &tensor) : shim_value{} { set(SHIM_TENSOR, tensor.get()); }
  Value(int value) : Value(static_cast<int64_t>(value)) {}
  Value(int64_t value) : shim_value{} { tag = SHIM_INT, as.i = value; }
  Value(double value) : shim_value{} { tag = SHIM_DOUBLE, as.d = value; }
  Value(bool value) : shim_value{} { tag = SHIM_BOOL_VALUE, as.i = value; }
  Value(shim_device device) : shim_value{} { tag = SHIM_DEVICE, as.device = device; }
  Value(std::nullptr_t) : shim_value{} { tag = SHIM_NONE; }
  Value(const std::vector<int64_t> &list) : shim_value{} {
    set(SHIM_INT_LIST, list.data());
    count = static_cast<int64_t>(list.size());
  }
  Value(const std::vector<shim_tensor> &list) : shim_value{} {
    set(SHIM_TENSOR_LIST, list.data());
    count = static_cast<int64_t>(list.size());
  }

 private:
  void set(int32_t kind, const void *pointer) { tag = kind, as.p = pointer; }
};

// Calls an operator, "aten::add" with "Tensor"; its first result, or none.
inline Tensor call(const char *name, const char *overload, std::initializer_list<Value> arguments) {
  shim_operator op = nullptr;
  ok(shim->operator_find(name, overload, &op));
  const std::vector<shim_value> values(arguments.begin(), arguments.end());
  shim_value results[8]{};
  int64_t count = 0;
  ok(shim->operator_call(op, values.data(), static_cast<int64_t>(values.size()), results, 8, &count));
  for (int64_t i = 1; i < count; ++i) {
    if (results[i].tag == SHIM_TENSOR) shim->tensor_release(static_cast<shim_tensor>(const_cast<void *>(results[i].as.p)));
  }
  if (count == 0 || results[0].tag != SHIM_TENSOR) return {};
  return Tensor(static_cast<shim_tensor>(const_cast<void *>(results[0].as.p)));
}

template <class Element>
Tensor tensor(const std::vector<Element> &values, int32_t dtype, const std::vector<int64_t> &shape, shim_device device) {
  shim_tensor out = nullptr;
  ok(shim->tensor_new(values.data(), static_cast<int64_t>(values.size() * sizeof(Element)), dtype, shape.data(),
                      static_cast<int64_t>(shape.size()), &out));
  Tensor made(out);
  if (device.type == SHIM_CPU) return made;
  return call("aten::to", "device", {made, device, dtype});
}

inline Tensor zeros(const std::vector<int64_t> &shape, shim_device device, int32_t dtype = SHIM_FLOAT32) {
  return call("aten::zeros", "", {shape, dtype, nullptr, device});
}
inline Tensor rand(const std::vector<int64_t> &shape, shim_device device) {
  return call("aten::rand", "", {shape, SHIM_FLOAT32, nullptr, device});
}
inline float item(const Tensor &tensor) { return tensor.values<float>().at(0); }

// A CUDA graph; the work is any function.
class Graph {
 public:
  Graph() { ok(shim->graph_new(cuda, &handle)); }
  Graph(const Graph &) = delete;
  ~Graph() { shim->graph_release(handle); }
  void warm_up(const std::function<void()> &work) { run(work, shim->graph_warm_up); }
  void capture(const std::function<void()> &work) { run(work, shim->graph_capture); }
  void replay() { ok(shim->graph_replay(handle)); }

 private:
  struct Errand {
    const std::function<void()> &work;
    std::exception_ptr failure;
  };
  template <class Entry>
  void run(const std::function<void()> &work, Entry entry) {
    Errand errand{work, nullptr};
    const shim_status status = entry(
        handle,
        [](void *context) -> int32_t {
          auto &errand = *static_cast<Errand *>(context);
          try {
            errand.work();
            return 0;
          } catch (...) {
            errand.failure = std::current_exception();
            return 1;
          }
        },
        &errand);
    if (errand.failure) std::rethrow_exception(errand.failure);
    ok(status);
  }
  shim_graph handle = nullptr;
};

// The error of work that must not succeed.
template <class Work>
Refused refusal(const char *what, Work &&work) {
  try {
    work();
  } catch (const Refused &error) {
    return error;
  }
  throw Failure(std::string(what) + " should have been refused");
}

}  // namespace selftest
