// Operators with one of the most frequent signatures are called as C++ calls them: no stack of boxed values, and the
// tensors lent to the call are not counted. On small tensors the boxes would cost as much as a sixth of the work.
#include "direct.hpp"

#include <array>
#include <optional>
#include <string_view>

namespace shim {
namespace {

// One argument of C++ type T: what a schema calls the type, which values fit, and what they become for the length of
// the call. A value is null where the caller leaves it to the schema's default, which is given beside it.
template <class T>
struct Slot;

bool is(const shim_value *value, int32_t tag) { return value != nullptr && value->tag == tag; }

template <>
struct Slot<const at::Tensor &> {
  static constexpr std::string_view type = "Tensor";
  static bool fits(const shim_value *value, const c10::IValue *) {
    return is(value, SHIM_TENSOR) && value->as.p != nullptr;
  }
  // The caller's handle outlives the call: its reference serves, and is given back untouched.
  at::Tensor tensor;
  Slot(const shim_value *value, const c10::IValue *)
      : tensor(c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim(
            static_cast<c10::TensorImpl *>(const_cast<void *>(value->as.p)))) {}
  Slot(const Slot &) = delete;
  ~Slot() { tensor.unsafeReleaseTensorImpl(); }
  const at::Tensor &get() const { return tensor; }
};

template <>
struct Slot<const std::optional<at::Tensor> &> {
  static constexpr std::string_view type = "Tensor?";
  static bool fits(const shim_value *value, const c10::IValue *) {
    return is(value, SHIM_TENSOR) || is(value, SHIM_NONE);
  }
  std::optional<at::Tensor> tensor;
  Slot(const shim_value *value, const c10::IValue *) {
    if (value->tag == SHIM_TENSOR) tensor = borrow(static_cast<shim_tensor>(const_cast<void *>(value->as.p)));
  }
  const std::optional<at::Tensor> &get() const { return tensor; }
};

template <>
struct Slot<const at::Scalar &> {
  static constexpr std::string_view type = "Scalar";
  static bool fits(const shim_value *value, const c10::IValue *standard) {
    return is(value, SHIM_INT) || is(value, SHIM_DOUBLE) || (value == nullptr && standard != nullptr);
  }
  at::Scalar scalar;
  Slot(const shim_value *value, const c10::IValue *standard)
      : scalar(value == nullptr           ? standard->toScalar()
               : value->tag == SHIM_INT ? at::Scalar(value->as.i)
                                          : at::Scalar(value->as.d)) {}
  const at::Scalar &get() const { return scalar; }
};

template <>
struct Slot<int64_t> {
  static constexpr std::string_view type = "int";
  static bool fits(const shim_value *value, const c10::IValue *standard) {
    return is(value, SHIM_INT) || (value == nullptr && standard != nullptr);
  }
  int64_t number;
  Slot(const shim_value *value, const c10::IValue *standard) : number(value ? value->as.i : standard->toInt()) {}
  int64_t get() const { return number; }
};

template <>
struct Slot<c10::SymInt> : Slot<int64_t> {
  static constexpr std::string_view type = "SymInt";
  using Slot<int64_t>::Slot;
};

template <>
struct Slot<bool> {
  static constexpr std::string_view type = "bool";
  static bool fits(const shim_value *value, const c10::IValue *standard) {
    return is(value, SHIM_BOOL_VALUE) || (value == nullptr && standard != nullptr);
  }
  bool on;
  Slot(const shim_value *value, const c10::IValue *standard) : on(value ? value->as.i != 0 : standard->toBool()) {}
  bool get() const { return on; }
};

template <>
struct Slot<at::IntArrayRef> {
  static constexpr std::string_view type = "int[]";
  static bool fits(const shim_value *value, const c10::IValue *) { return is(value, SHIM_INT_LIST); }
  at::IntArrayRef list;
  Slot(const shim_value *value, const c10::IValue *)
      : list(int_list(static_cast<const int64_t *>(value->as.p), value->count)) {}
  at::IntArrayRef get() const { return list; }
};

template <>
struct Slot<c10::SymIntArrayRef> : Slot<at::IntArrayRef> {
  static constexpr std::string_view type = "SymInt[]";
  using Slot<at::IntArrayRef>::Slot;
  c10::SymIntArrayRef get() const { return c10::fromIntArrayRefSlow(list); }
};

template <>
struct Slot<std::string_view> {
  static constexpr std::string_view type = "str";
  static bool fits(const shim_value *value, const c10::IValue *) { return is(value, SHIM_STRING); }
  std::string_view text;
  Slot(const shim_value *value, const c10::IValue *)
      : text(static_cast<const char *>(value->as.p), static_cast<size_t>(value->count)) {}
  std::string_view get() const { return text; }
};

template <class... T>
struct Signature : DirectCall {
  static constexpr size_t size = sizeof...(T);
  c10::TypedOperatorHandle<at::Tensor(T...)> op;
  std::array<const c10::IValue *, size> standards{};

  explicit Signature(const c10::OperatorHandle &handle) : op(handle.typed<at::Tensor(T...)>()) {
    for (size_t i = 0; i < size; ++i) {
      if (const auto &value = handle.schema().arguments()[i].default_value()) standards[i] = &*value;
    }
  }

  static std::unique_ptr<DirectCall> make(const c10::OperatorHandle &handle) {
    const auto &arguments = handle.schema().arguments();
    if (arguments.size() != size) return nullptr;
    constexpr std::array<std::string_view, size> types{Slot<T>::type...};
    for (size_t i = 0; i < size; ++i) {
      const bool written = arguments[i].alias_info() != nullptr && arguments[i].alias_info()->isWrite();
      if (written || arguments[i].real_type()->str() != types[i]) return nullptr;
    }
    return std::make_unique<Signature>(handle);
  }

  bool operator()(const shim_value *arguments, int64_t count, shim_value *result) const override {
    return call(arguments, count, result, std::index_sequence_for<T...>());
  }

 private:
  template <size_t... I>
  bool call(const shim_value *arguments, int64_t count, shim_value *result, std::index_sequence<I...>) const {
    const std::array<const shim_value *, size> values{
        (static_cast<int64_t>(I) < count && arguments[I].tag != SHIM_DEFAULT ? arguments + I : nullptr)...};
    if (count > static_cast<int64_t>(size) || !(Slot<T>::fits(values[I], standards[I]) && ...)) return false;
    at::Tensor tensor = op.call(Slot<T>(values[I], standards[I]).get()...);
    if (!tensor.defined()) {
      *result = shim_value{};
    } else {
      result->tag = SHIM_TENSOR;
      result->count = 0;
      result->as.p = hand_out(std::move(tensor));
    }
    return true;
  }
};

}  // namespace

std::unique_ptr<DirectCall> direct_call(const c10::OperatorHandle &op) {
  // The signatures of operators registered from elsewhere are not known to be what their schemas say.
  const auto &schema = op.schema();
  if (op.operator_name().name.rfind("aten::", 0) != 0 || schema.returns().size() != 1 ||
      schema.returns()[0].real_type()->str() != "Tensor") {
    return nullptr;
  }
  using T = const at::Tensor &;
  using S = const at::Scalar &;
  using Maybe = const std::optional<at::Tensor> &;
  using Ints = at::IntArrayRef;
  using SymInts = c10::SymIntArrayRef;
  using Make = std::unique_ptr<DirectCall> (*)(const c10::OperatorHandle &);
  for (const Make make : std::initializer_list<Make>{
           Signature<T>::make,                 // relu, tanh, exp, neg
           Signature<T, T>::make,              // mul, div, matmul, maximum, eq
           Signature<T, T, T>::make,           // where
           Signature<T, S>::make,              // mul.Scalar, div.Scalar, pow
           Signature<T, T, S>::make,           // add, sub
           Signature<T, S, S>::make,           // add.Scalar, rsub
           Signature<T, T, T, S, S>::make,     // addmm
           Signature<T, T, Maybe>::make,       // linear
           Signature<T, int64_t>::make,        // unsqueeze, select
           Signature<T, int64_t, int64_t>::make,                                   // transpose, flatten
           Signature<T, int64_t, T>::make,                                         // index_select
           Signature<T, Ints>::make,                                               // permute
           Signature<T, SymInts>::make,                                            // view, reshape
           Signature<T, T, Maybe, SymInts, SymInts, SymInts, c10::SymInt>::make,   // conv2d
           Signature<T, T, Maybe, SymInts, std::string_view, SymInts, c10::SymInt>::make,  // conv2d.padding
           Signature<T, Ints, Ints, Ints, Ints, bool>::make,                       // max_pool2d
       }) {
    if (auto found = make(op)) return found;
  }
  return nullptr;
}

}  // namespace shim
