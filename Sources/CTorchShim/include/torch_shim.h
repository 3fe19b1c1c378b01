// The contract between Swift and libtorch.
//
// Everything Swift asks of libtorch goes through one table of function pointers. The table lives in a shared
// library, "the shim" (folder shim/), which is compiled against a libtorch and loaded at run time by
// torch_shim_load(). A program therefore builds without libtorch, starts without it, and can say in its own
// words what is missing.
//
// Rules that hold for every entry:
//  * Status. An entry that can fail returns a shim_status. On anything but SHIM_OK the out-parameters are
//    untouched and last_error() gives the text, on the same thread, until that thread's next failing call.
//    No C++ exception crosses this line.
//  * Ownership. An entry whose name or comment says "new" hands out a handle that the caller gives back once
//    with the matching release. Arguments are borrowed for the length of the call.
//  * Threads. Entries may be called from any thread. Gradient mode, inference mode, autocast and the error
//    text belong to the calling thread, as in libtorch. A handle may be used by several threads as long as
//    none of them writes to the tensor behind it.
//  * Text is UTF-8 and ends with a NUL.

#ifndef TORCH_SHIM_H
#define TORCH_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __clang__
#pragma clang assume_nonnull begin
#define SHIM_NULLABLE _Nullable
#define SHIM_NONNULL _Nonnull
#else
#define SHIM_NULLABLE
#define SHIM_NONNULL
#endif

#ifdef __cplusplus
extern "C" {
#endif

// Raised whenever the table or the meaning of an entry changes; a shim with another number is refused.
#define TORCH_SHIM_ABI 7

typedef int32_t shim_status;
enum {
  SHIM_OK = 0,
  SHIM_ERROR = 1,          // libtorch refused, or an argument is wrong
  SHIM_OUT_OF_MEMORY = 2,  // host or device memory ran out
  SHIM_NOT_FOUND = 3       // no such operator, file entry or method
};

typedef struct shim_tensor_s *shim_tensor;        // an at::Tensor
typedef struct shim_operator_s *shim_operator;    // an operator of the dispatcher; lives as long as the program
typedef struct shim_generator_s *shim_generator;  // an at::Generator
typedef struct shim_module_s *shim_module;        // a torch::jit::Module
typedef struct shim_plan_s *shim_plan;            // a stack of layers with a backward pass of its own
typedef struct shim_graph_s *shim_graph;          // work of a CUDA device that was recorded

// A device: its type is one of SHIM_CPU, SHIM_CUDA, or another of c10::DeviceType; index -1 means "current".
typedef struct shim_device {
  int32_t type;
  int32_t index;
} shim_device;
enum { SHIM_CPU = 0, SHIM_CUDA = 1, SHIM_MPS = 13 };

// Element types have c10::ScalarType's numbers.
enum {
  SHIM_UINT8 = 0, SHIM_INT8 = 1, SHIM_INT16 = 2, SHIM_INT32 = 3, SHIM_INT64 = 4, SHIM_FLOAT16 = 5,
  SHIM_FLOAT32 = 6, SHIM_FLOAT64 = 7, SHIM_BOOL = 11, SHIM_BFLOAT16 = 15
};

// One argument or result of an operator.
typedef struct shim_value {
  int32_t tag;
  int32_t reserved;
  int64_t count;  // elements of a list, bytes of a string
  union {
    int64_t i;     // SHIM_INT; SHIM_BOOL_VALUE (0 or 1)
    double d;      // SHIM_DOUBLE
    shim_device device;
    const void *SHIM_NULLABLE p;
  } as;
} shim_value;
enum {
  SHIM_NONE = 0,
  SHIM_TENSOR = 1,           // as.p: shim_tensor
  SHIM_INT = 2,              // also a dtype, layout or memory format
  SHIM_DOUBLE = 3,
  SHIM_BOOL_VALUE = 4,
  SHIM_STRING = 5,           // as.p: const char *, count bytes
  SHIM_DEVICE = 6,
  SHIM_GENERATOR = 7,        // as.p: shim_generator
  SHIM_INT_LIST = 8,         // as.p: const int64_t *
  SHIM_DOUBLE_LIST = 9,      // as.p: const double *
  SHIM_BOOL_LIST = 10,       // as.p: const bool *
  SHIM_TENSOR_LIST = 11,     // as.p: const shim_tensor *
  SHIM_OPTIONAL_TENSOR_LIST = 12,  // as.p: const shim_tensor *, with null for none
  SHIM_DEFAULT = 13          // the default value that the operator's schema gives
};

// One layer of a plan. `integers` holds, one after the other and each for every spatial dimension: of a
// convolution stride, padding, dilation and once the groups; of max pooling kernel, stride, padding, dilation and
// once ceil_mode; of average pooling kernel, stride, padding and once ceil_mode, count_include_pad and the divisor
// (0 for none); of adaptive average pooling the output size; of dropout once SHIM_DROPOUT_…; of a residual block, relu(main(x) + shortcut(x)), how
// many of the descriptions that follow are its main way and how many its shortcut.
typedef struct shim_plan_layer {
  int32_t kind;  // SHIM_PLAN_…
  int32_t reserved;
  shim_tensor SHIM_NULLABLE weight;
  shim_tensor SHIM_NULLABLE bias;
  const int64_t *SHIM_NULLABLE integers;
  int64_t count;
  double p;  // of dropout, 0 keeps everything; of batch normalisation the momentum
  // Of batch normalisation.
  double eps;
  bool training;  // normalise by the batch, and update the running statistics
  shim_tensor SHIM_NULLABLE running_mean;
  shim_tensor SHIM_NULLABLE running_var;
  shim_tensor SHIM_NULLABLE batches;  // counts the batches seen
} shim_plan_layer;
enum {
  SHIM_PLAN_CONVOLUTION = 0, SHIM_PLAN_LINEAR = 1, SHIM_PLAN_RELU = 2, SHIM_PLAN_SIGMOID = 3, SHIM_PLAN_TANH = 4,
  SHIM_PLAN_MAX_POOL2D = 5, SHIM_PLAN_AVG_POOL2D = 6, SHIM_PLAN_FLATTEN = 7, SHIM_PLAN_DROPOUT = 8,
  SHIM_PLAN_BATCH_NORM = 9, SHIM_PLAN_ADAPTIVE_AVG_POOL2D = 10, SHIM_PLAN_RESIDUAL = 11
};
// How a plan's dropout draws.
enum {
  SHIM_DROPOUT_BY_DEVICE = 0,  // as aten::dropout on the device of its input
  SHIM_DROPOUT_BERNOULLI = 1,  // as aten::dropout_ on every device
  SHIM_DROPOUT_NATIVE = 2      // as aten::native_dropout on every device
};

typedef struct shim_tensor_info {
  int32_t dtype;
  int32_t ndim;
  shim_device device;
  int64_t numel;
  const int64_t *SHIM_NULLABLE sizes;    // ndim values; valid until the tensor is resized or released
  const int64_t *SHIM_NULLABLE strides;  // in elements; null where a layout has none
  bool requires_grad;
  bool is_leaf;
  bool is_contiguous;
} shim_tensor_info;

typedef struct shim_device_info {
  char name[256];
  int64_t total_bytes;  // of device memory; -1 when not known
  int64_t free_bytes;
  int32_t capability_major, capability_minor;
} shim_device_info;

// What CUDA's runtime says when it is asked for devices.
typedef struct shim_cuda_state {
  int32_t driver;   // the newest CUDA that the driver serves, 13000 for 13.0; 0 without a driver
  int32_t runtime;  // the CUDA that libtorch brings; 0 when the shim was built without CUDA
  char error[256];  // empty when it found a device
} shim_cuda_state;

// Bytes of a CUDA device's memory in libtorch's hands, now and at most.
typedef struct shim_memory {
  int64_t allocated, reserved;  // by tensors; with what is kept for the next ones
  int64_t peak_allocated, peak_reserved;
} shim_memory;

// Queues work on the current device and stream. 0 when it went well.
typedef int32_t (*shim_work)(void *SHIM_NULLABLE context);

// Called while tracing: reads `count` inputs (borrowed) and stores one new tensor. 0 when it went well.
typedef int32_t (*shim_trace_body)(void *SHIM_NULLABLE context, const shim_tensor SHIM_NULLABLE *SHIM_NONNULL inputs,
                                   int64_t count, shim_tensor SHIM_NULLABLE *SHIM_NONNULL output);

typedef struct torch_shim {
  // --- This shim. -------------------------------------------------------------------------------------
  int32_t abi;                  // TORCH_SHIM_ABI
  const char *built_version;    // libtorch the shim was compiled against, "2.13.0"
  const char *built_variant;    // "cpu", "cu130"
  const char *running_version;  // libtorch that was loaded

  const char *SHIM_NONNULL (*SHIM_NONNULL last_error)(void);
  int64_t (*live_handles)(void);             // handles handed out and not yet given back, all kinds
  const char *SHIM_NONNULL (*SHIM_NONNULL build_configuration)(void);  // libtorch's own words about its build
  const char *SHIM_NONNULL (*SHIM_NONNULL cpu_capability)(void);       // "AVX2", "AVX512", "DEFAULT"

  // --- Operators. -------------------------------------------------------------------------------------
  // Finds an operator by name ("aten::conv2d") and overload ("", "Tensor", "padding").
  shim_status (*operator_find)(const char *name, const char *overload, shim_operator SHIM_NULLABLE *SHIM_NONNULL out);
  // The overloads of a name, separated by commas: for error messages. Valid until the thread's next call.
  const char *SHIM_NONNULL (*SHIM_NONNULL operator_overloads)(const char *name);
  // The schema of an operator, "aten::relu(Tensor self) -> Tensor". Lives as long as the program.
  const char *SHIM_NONNULL (*SHIM_NONNULL operator_schema)(shim_operator op);
  // Calls an operator. Integers are accepted where numbers are wanted; arguments left out at the end take the
  // schema's defaults. At most `capacity` results are stored and *count says how many there are; tensors
  // among them are new handles. A list among the results is valid until the thread's next operator_call
  // (its tensors, new handles too, are the caller's).
  shim_status (*operator_call)(shim_operator op, const shim_value *SHIM_NULLABLE arguments,
                               int64_t argument_count, shim_value *SHIM_NULLABLE results, int64_t capacity,
                               int64_t *count);

  // --- Tensors. ---------------------------------------------------------------------------------------
  // New contiguous tensor on the CPU with a copy of `byte_count` bytes in C order.
  shim_status (*tensor_new)(const void *SHIM_NULLABLE bytes, int64_t byte_count, int32_t dtype,
                            const int64_t *SHIM_NULLABLE sizes, int64_t ndim,
                            shim_tensor SHIM_NULLABLE *SHIM_NONNULL out);
  // Copies all elements in C order to host memory, whatever the device and strides.
  shim_status (*tensor_read)(shim_tensor tensor, void *SHIM_NULLABLE bytes, int64_t byte_count);
  shim_status (*tensor_info)(shim_tensor tensor, shim_tensor_info *out);
  shim_tensor SHIM_NONNULL (*SHIM_NONNULL tensor_retain)(shim_tensor tensor);  // a new handle to the same tensor
  void (*tensor_release)(shim_tensor tensor);
  // Makes `tensor` share `source`'s data, dtype and device, as PyTorch's `tensor.data = source`: whoever
  // holds `tensor` (an optimizer, say) sees the new data.
  shim_status (*tensor_set_data)(shim_tensor tensor, shim_tensor source);
  int64_t (*tensor_version)(shim_tensor tensor);  // counts in-place changes

  // --- Autograd. --------------------------------------------------------------------------------------
  shim_status (*set_requires_grad)(shim_tensor tensor, bool on);
  shim_status (*grad_get)(shim_tensor tensor, shim_tensor SHIM_NULLABLE *SHIM_NONNULL out);  // new, or null for none
  shim_status (*grad_set)(shim_tensor tensor, shim_tensor SHIM_NULLABLE grad);
  // Adds the gradients of `tensors` to the leaves (or only to `inputs`). `seeds`, when given, holds the
  // gradient of each tensor, null for "one".
  shim_status (*backward)(const shim_tensor SHIM_NULLABLE *SHIM_NONNULL tensors, int64_t count,
                          const shim_tensor SHIM_NULLABLE *SHIM_NULLABLE seeds, bool retain_graph,
                          bool create_graph, const shim_tensor SHIM_NULLABLE *SHIM_NULLABLE inputs,
                          int64_t input_count);
  // Gradients of `outputs` with respect to `inputs`: `gradients` receives input_count new handles, null where
  // allow_unused is on and an input was not used.
  shim_status (*grad)(const shim_tensor SHIM_NULLABLE *SHIM_NONNULL outputs, int64_t count,
                      const shim_tensor SHIM_NULLABLE *SHIM_NONNULL inputs, int64_t input_count,
                      const shim_tensor SHIM_NULLABLE *SHIM_NULLABLE seeds, bool retain_graph,
                      bool create_graph, bool allow_unused, shim_tensor SHIM_NULLABLE *SHIM_NONNULL gradients);
  bool (*grad_enabled)(void);
  void (*set_grad_enabled)(bool on);
  void *SHIM_NONNULL (*SHIM_NONNULL inference_mode_enter)(void);          // nests; leave in the opposite order
  void (*inference_mode_leave)(void *guard);
  // Autocast of one device type to a 16-bit dtype on this thread; *was_on and *was_dtype say what was set before.
  shim_status (*set_autocast)(int32_t device_type, bool on, int32_t dtype, bool *was_on, int32_t *was_dtype);
  void (*clear_autocast_cache)(void);

  // --- Random numbers. --------------------------------------------------------------------------------
  shim_status (*manual_seed)(uint64_t seed);  // every device, as torch.manual_seed
  shim_status (*generator_new)(shim_device device, uint64_t seed, shim_generator SHIM_NULLABLE *SHIM_NONNULL out);
  shim_status (*generator_default)(shim_device device, shim_generator SHIM_NULLABLE *SHIM_NONNULL out);  // new handle
  void (*generator_release)(shim_generator generator);
  shim_status (*generator_seed)(shim_generator generator, uint64_t seed);
  shim_status (*generator_get_state)(shim_generator generator, shim_tensor SHIM_NULLABLE *SHIM_NONNULL out);  // new, uint8
  shim_status (*generator_set_state)(shim_generator generator, shim_tensor state);

  // --- Devices and threads. ---------------------------------------------------------------------------
  bool (*cuda_built)(void);          // libtorch has CUDA code
  int32_t (*cuda_device_count)(void);  // usable now; 0 without a driver
  shim_status (*cuda_device_info)(int32_t index, shim_device_info *out);
  void (*cuda_state)(shim_cuda_state *out);
  shim_status (*cuda_memory)(int32_t index, shim_memory *out);
  shim_status (*cuda_reset_peak_memory)(int32_t index);  // the highest so far becomes what is used now
  shim_status (*cuda_empty_cache)(void);                 // gives memory that no tensor uses back to the device
  shim_status (*synchronize)(shim_device device);
  int32_t (*get_num_threads)(void);
  shim_status (*set_num_threads)(int32_t count);
  // Settings of libtorch's context: "deterministic" (all algorithms), "deterministic_cudnn", "benchmark_cudnn",
  // "tf32_cudnn", "tf32_matmul".
  shim_status (*set_context_flag)(const char *name, bool on);
  shim_status (*get_context_flag)(const char *name, bool *out);
  // The file that a C symbol comes from for libtorch's own calls, for example `sgemm_`; null when there is none.
  const char *SHIM_NULLABLE (*SHIM_NONNULL symbol_library)(const char *SHIM_NONNULL name);

  // --- Plans: training without the tape, and frozen ones for inference. -------------------------------------
  // New. The parameters stay those of the caller; with `example`, a batch of the usual size, the plan is frozen: it
  // copies them, arranged for such batches, and only infers.
  shim_status (*plan_new)(const shim_plan_layer *layers, int64_t count, shim_tensor SHIM_NULLABLE example,
                          shim_plan SHIM_NULLABLE *SHIM_NONNULL out);
  void (*plan_release)(shim_plan plan);
  // Forward, mean cross-entropy with class numbers, backward: new logits and loss; every parameter's gradient is set
  // (not added to).
  shim_status (*plan_step)(shim_plan plan, shim_tensor images, shim_tensor labels,
                           shim_tensor SHIM_NULLABLE *SHIM_NONNULL logits,
                           shim_tensor SHIM_NULLABLE *SHIM_NONNULL loss);
  // Logits of a batch of any size from a frozen plan; several threads may call it at the same time.
  shim_status (*plan_infer)(shim_plan plan, shim_tensor images, shim_tensor SHIM_NULLABLE *SHIM_NONNULL out);

  // --- Graphs: work that is recorded once and then launched as a whole. ----------------------------------
  // New, with a stream of its own.
  shim_status (*graph_new)(shim_device device, shim_graph SHIM_NULLABLE *SHIM_NONNULL out);
  void (*graph_release)(shim_graph graph);
  // Runs `work` on the graph's stream, after all that was queued before and before all that is queued later.
  shim_status (*graph_warm_up)(shim_graph graph, shim_work work, void *SHIM_NULLABLE context);
  // Records what `work` queues on the device; nothing of it runs. When that fails, random numbers go on where they
  // were and the graph can be released or used for another recording.
  shim_status (*graph_capture)(shim_graph graph, shim_work work, void *SHIM_NULLABLE context);
  // Queues what was recorded on the current stream, with new random numbers.
  shim_status (*graph_replay)(shim_graph graph);

  // --- TorchScript. -----------------------------------------------------------------------------------
  // New, empty module of a class of its own; `like` puts it in the same compilation unit (needed between a
  // parent and its children), null starts one.
  shim_status (*module_new)(const char *class_name, shim_module SHIM_NULLABLE like,
                            shim_module SHIM_NULLABLE *SHIM_NONNULL out);
  void (*module_release)(shim_module module);
  shim_status (*module_register_parameter)(shim_module module, const char *name, shim_tensor tensor);
  shim_status (*module_register_buffer)(shim_module module, const char *name, shim_tensor tensor);
  shim_status (*module_register_module)(shim_module module, const char *name, shim_module child);
  shim_status (*module_define)(shim_module module, const char *source);
  // Adds a `forward` recorded by running `body` on `inputs`; tensors of the module that the body uses become
  // its attributes. Called on the module of which the body's parameters were registered.
  shim_status (*module_trace)(shim_module module, const shim_tensor SHIM_NULLABLE *SHIM_NONNULL inputs, int64_t count,
                              shim_trace_body body, void *SHIM_NULLABLE context);
  shim_status (*module_train)(shim_module module, bool on);
  // `extra_name`/`extra_text`: one more file inside the archive, as torch.jit.save's _extra_files.
  shim_status (*module_save)(shim_module module, const char *path, const char *SHIM_NULLABLE extra_name,
                             const char *SHIM_NULLABLE extra_text);
  shim_status (*module_load)(const char *path, shim_device device, shim_module SHIM_NULLABLE *SHIM_NONNULL out);
  shim_status (*module_forward)(shim_module module, const shim_tensor SHIM_NULLABLE *SHIM_NONNULL inputs, int64_t count,
                                shim_tensor SHIM_NULLABLE *SHIM_NONNULL out);
  // Names of parameters and buffers separated by newlines, in state-dict order; valid until the thread's
  // next call.
  const char *SHIM_NONNULL (*SHIM_NONNULL module_state_names)(shim_module module);
  shim_status (*module_state)(shim_module module, const char *name, shim_tensor SHIM_NULLABLE *SHIM_NONNULL out);

  // --- Memory. ----------------------------------------------------------------------------------------
  // From now on small blocks of freed CPU tensors are kept for tensors to come, by each thread, up to some MiB.
  void (*keep_small_blocks)(void);
} torch_shim;

// The one symbol that a shim exports under the name "torch_shim_table".
typedef const torch_shim *SHIM_NONNULL (*SHIM_NONNULL torch_shim_entry)(void);

// Opens the shim at `path` and returns its table, or null; then `message` (of `capacity` bytes) says why.
// The shim stays loaded for the life of the program.
const torch_shim *SHIM_NULLABLE torch_shim_load(const char *path, char *message, size_t capacity);

#ifndef __cplusplus
// The table that calls go through, once it is known to be usable; null before. A load, so that every call can afford it.
extern const torch_shim *SHIM_NULLABLE torch_shim_in_use;
static inline const torch_shim *SHIM_NULLABLE torch_shim_current(void) {
  return __atomic_load_n(&torch_shim_in_use, __ATOMIC_ACQUIRE);
}
static inline void torch_shim_set_current(const torch_shim *table) {
  __atomic_store_n(&torch_shim_in_use, table, __ATOMIC_RELEASE);
}
#endif

#ifdef __cplusplus
}
#endif
#ifdef __clang__
#pragma clang assume_nonnull end
#endif
#endif
