// Any operator of libtorch: looked up by name once, then called directly where its signature is a frequent one, else
// "boxed", its arguments pushed as tagged values.
#include "direct.hpp"

#include <deque>
#include <map>
#include <mutex>

struct shim_operator_s {
  c10::OperatorHandle handle;
  std::string schema;
  // What each argument wants, worked out once: an integer given for a float is then converted, not refused.
  std::vector<c10::TypeKind> kinds;
  std::unique_ptr<shim::DirectCall> direct;  // null for most signatures
};

namespace shim {
namespace {

c10::TypeKind kind_of(const c10::TypePtr &type) {
  if (auto optional = type->cast<c10::OptionalType>()) return kind_of(optional->getElementType());
  return type->kind();
}

shim_status operator_find(const char *name, const char *overload, shim_operator *out) {
  return guarded([&] {
    static std::mutex mutex;
    static std::map<std::pair<std::string, std::string>, shim_operator_s> found;  // nodes never move
    std::lock_guard<std::mutex> lock(mutex);
    auto known = found.find({name, overload});
    if (known == found.end()) {
      auto handle = c10::Dispatcher::singleton().findSchema({name, overload});
      if (!handle) {
        throw NotFound(std::string("libtorch has no operator ") + name + (*overload ? "." : "") + overload);
      }
      shim_operator_s op{*handle, c10::toString(handle->schema()), {}, direct_call(*handle)};
      for (const auto &argument : handle->schema().arguments()) op.kinds.push_back(kind_of(argument.type()));
      known = found.emplace(std::pair{std::string(name), std::string(overload)}, std::move(op)).first;
    }
    *out = &known->second;
  });
}

const char *operator_overloads(const char *name) {
  thread_local std::string text;
  text.clear();
  guarded([&] {
    for (const auto &op : c10::Dispatcher::singleton().getAllOpNames()) {
      if (op.name != name) continue;
      if (!text.empty()) text += ", ";
      text += op.overload_name.empty() ? "\"\"" : op.overload_name;
    }
  });
  return text.c_str();
}

c10::IValue to_ivalue(const shim_value &value, c10::TypeKind kind) {
  switch (value.tag) {
    case SHIM_NONE: return {};
    case SHIM_TENSOR: return borrow(static_cast<shim_tensor>(const_cast<void *>(value.as.p)));
    case SHIM_INT:
      if (kind == c10::TypeKind::FloatType) return static_cast<double>(value.as.i);
      return value.as.i;
    case SHIM_DOUBLE: return value.as.d;
    case SHIM_BOOL_VALUE: return value.as.i != 0;
    case SHIM_STRING:
      return std::string(static_cast<const char *>(value.as.p), static_cast<size_t>(value.count));
    case SHIM_DEVICE: return device(value.as.device);
    case SHIM_GENERATOR:
      return generator(static_cast<shim_generator>(const_cast<void *>(value.as.p)));
    case SHIM_INT_LIST: {
      auto ints = static_cast<const int64_t *>(value.as.p);
      if (kind == c10::TypeKind::ListType || kind == c10::TypeKind::AnyType) {
        return int_list(ints, value.count);
      }
      throw std::invalid_argument("a list of integers was given where the operator wants none");
    }
    case SHIM_DOUBLE_LIST:
      return at::ArrayRef<double>(static_cast<const double *>(value.as.p), static_cast<size_t>(value.count));
    case SHIM_BOOL_LIST: {
      c10::List<bool> list;
      for (int64_t i = 0; i < value.count; ++i) list.push_back(static_cast<const bool *>(value.as.p)[i]);
      return list;
    }
    case SHIM_TENSOR_LIST: {
      c10::List<at::Tensor> list;
      list.reserve(static_cast<size_t>(value.count));
      for (int64_t i = 0; i < value.count; ++i) {
        list.push_back(borrow(static_cast<const shim_tensor *>(value.as.p)[i]));
      }
      return list;
    }
    case SHIM_OPTIONAL_TENSOR_LIST: {
      c10::List<std::optional<at::Tensor>> list;
      for (int64_t i = 0; i < value.count; ++i) {
        auto handle = static_cast<const shim_tensor *>(value.as.p)[i];
        list.push_back(handle ? std::optional<at::Tensor>(borrow(handle)) : std::nullopt);
      }
      return list;
    }
    default: throw std::invalid_argument("unknown tag of an operator argument");
  }
}

// Lists among the results live here until the thread's next call.
struct ResultLists {
  std::deque<std::vector<int64_t>> ints;
  std::deque<std::vector<double>> doubles;
  std::deque<std::vector<shim_tensor>> tensors;
  std::deque<std::string> strings;
  void clear() {
    ints.clear();
    doubles.clear();
    tensors.clear();
    strings.clear();
  }
};
thread_local ResultLists lists;

shim_value to_value(c10::IValue &&value) {
  shim_value out{};
  if (value.isNone()) {
    out.tag = SHIM_NONE;
  } else if (value.isTensor()) {
    out.as.p = hand_out(std::move(value).toTensor());
    out.tag = out.as.p == nullptr ? SHIM_NONE : SHIM_TENSOR;
  } else if (value.isBool()) {
    out.tag = SHIM_BOOL_VALUE;
    out.as.i = value.toBool() ? 1 : 0;
  } else if (value.isInt() || value.isSymInt()) {
    out.tag = SHIM_INT;
    out.as.i = value.toInt();
  } else if (value.isDouble()) {
    out.tag = SHIM_DOUBLE;
    out.as.d = value.toDouble();
  } else if (value.isString()) {
    const auto &text = lists.strings.emplace_back(value.toStringRef());
    out.tag = SHIM_STRING;
    out.as.p = text.data();
    out.count = static_cast<int64_t>(text.size());
  } else if (value.isDevice()) {
    out.tag = SHIM_DEVICE;
    out.as.device = {static_cast<int32_t>(value.toDevice().type()), value.toDevice().index()};
  } else if (value.isTensorList()) {
    auto &list = lists.tensors.emplace_back();
    for (const at::Tensor &tensor : value.toTensorVector()) list.push_back(hand_out(tensor));
    out.tag = SHIM_TENSOR_LIST;
    out.as.p = list.data();
    out.count = static_cast<int64_t>(list.size());
  } else if (value.isIntList()) {
    auto &list = lists.ints.emplace_back(value.toIntVector());
    out.tag = SHIM_INT_LIST;
    out.as.p = list.data();
    out.count = static_cast<int64_t>(list.size());
  } else if (value.isDoubleList()) {
    auto &list = lists.doubles.emplace_back(value.toDoubleVector());
    out.tag = SHIM_DOUBLE_LIST;
    out.as.p = list.data();
    out.count = static_cast<int64_t>(list.size());
  } else if (value.isScalar()) {
    out.tag = SHIM_DOUBLE;
    out.as.d = value.toScalar().toDouble();
  } else {
    throw std::invalid_argument("the operator returns a " + value.tagKind() + ", which has no counterpart here");
  }
  return out;
}

void take_back(const shim_value &value) {
  if (value.tag == SHIM_TENSOR) release(static_cast<shim_tensor>(const_cast<void *>(value.as.p)));
  if (value.tag == SHIM_TENSOR_LIST) {
    for (int64_t i = 0; i < value.count; ++i) release(static_cast<const shim_tensor *>(value.as.p)[i]);
  }
}

shim_status operator_call(shim_operator op, const shim_value *arguments, int64_t argument_count,
                          shim_value *results, int64_t capacity, int64_t *count) {
  return guarded([&] {
    if (op->direct != nullptr && capacity > 0 && (*op->direct)(arguments, argument_count, results)) {
      *count = 1;
      return;
    }
    const auto &schema = op->handle.schema().arguments();
    if (static_cast<size_t>(argument_count) > schema.size()) {
      throw std::invalid_argument("too many arguments for " + op->schema);
    }
    torch::jit::Stack stack;
    stack.reserve(schema.size());
    for (size_t i = 0; i < schema.size(); ++i) {
      if (i < static_cast<size_t>(argument_count) && arguments[i].tag != SHIM_DEFAULT) {
        stack.push_back(to_ivalue(arguments[i], op->kinds[i]));
      } else if (const auto &standard = schema[i].default_value()) {
        stack.push_back(*standard);
      } else {
        throw std::invalid_argument("argument '" + schema[i].name() + "' is missing in a call of " + op->schema);
      }
    }
    op->handle.callBoxed(stack);
    if (stack.size() > static_cast<size_t>(capacity)) {
      throw std::invalid_argument("more results than there is room for: " + op->schema);
    }
    lists.clear();
    size_t done = 0;
    try {
      for (; done < stack.size(); ++done) results[done] = to_value(std::move(stack[done]));
    } catch (...) {
      // The caller will see none of the results: those handed out already go back.
      for (size_t i = 0; i < done; ++i) take_back(results[i]);
      throw;
    }
    *count = static_cast<int64_t>(stack.size());
  });
}

}  // namespace

void add_operators(torch_shim &table) {
  table.operator_find = operator_find;
  table.operator_overloads = operator_overloads;
  table.operator_schema = [](shim_operator op) { return op->schema.c_str(); };
  table.operator_call = operator_call;
}

}  // namespace shim
