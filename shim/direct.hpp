// Calls of an operator without boxing its arguments, for the most frequent signatures.
#pragma once

#include "shim.hpp"

#include <ATen/core/dispatch/Dispatcher.h>

#include <memory>

namespace shim {

struct DirectCall {
  virtual ~DirectCall() = default;
  // Calls the operator and stores its tensor; false, without a call, when the values do not fit as they are.
  virtual bool operator()(const shim_value *arguments, int64_t count, shim_value *result) const = 0;
};

// Null when the operator has another signature.
std::unique_ptr<DirectCall> direct_call(const c10::OperatorHandle &op);

}  // namespace shim
