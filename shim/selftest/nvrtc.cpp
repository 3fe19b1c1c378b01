// NVRTC, CUDA's compiler at run time, as libtorch and cuDNN use it.
#include "support.hpp"

#include <dlfcn.h>

#include <filesystem>
#include <fstream>

namespace selftest {
namespace {

// The folder of a library that is loaded, by the beginning of its name.
std::string folder_of(const std::string &name) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    const size_t begin = line.find('/');
    if (begin == std::string::npos) continue;
    const std::filesystem::path path = line.substr(begin);
    if (path.filename().string().starts_with(name)) return path.parent_path();
  }
  return {};
}

template <class Function>
Function *symbol(void *library, const char *name) {
  auto *found = reinterpret_cast<Function *>(dlsym(library, name));
  require(found != nullptr, std::string(name) + " is missing");
  return found;
}

const Register compiles("NVRTC finds its second library and compiles a kernel", Needs::cuda_build, [] {
  const std::string folder = folder_of("libnvrtc-builtins.so.");
  require(!folder.empty(), "the shim did not open libnvrtc-builtins");
  void *library = nullptr;
  for (const auto &file : std::filesystem::directory_iterator(folder)) {
    if (file.path().filename().string().starts_with("libnvrtc.so.")) library = dlopen(file.path().c_str(), RTLD_LAZY);
  }
  require(library != nullptr, "there is no libnvrtc in " + folder);
  struct Program;
  auto *create = symbol<int(Program **, const char *, const char *, int, const char *const *, const char *const *)>(
      library, "nvrtcCreateProgram");
  auto *compile = symbol<int(Program *, int, const char *const *)>(library, "nvrtcCompileProgram");
  auto *log_size = symbol<int(Program *, size_t *)>(library, "nvrtcGetProgramLogSize");
  auto *log = symbol<int(Program *, char *)>(library, "nvrtcGetProgramLog");
  auto *destroy = symbol<int(Program **)>(library, "nvrtcDestroyProgram");
  Program *program = nullptr;
  require(create(&program, "extern \"C\" __global__ void twice(float *x) { x[threadIdx.x] *= 2; }", "twice.cu", 0, nullptr,
                 nullptr) == 0, "no program can be made");
  const int status = compile(program, 0, nullptr);
  size_t size = 0;
  std::string text;
  if (log_size(program, &size) == 0 && size > 1) {
    text.resize(size);
    log(program, text.data());
  }
  destroy(&program);
  require(status == 0, "nvrtcCompileProgram fails: " + text);
  return "from " + folder;
});

// libtorch writes the kernel of this operator when it is called.
const Register jiterator("a kernel that libtorch compiles when it is called: gcd", Needs::device, [] {
  const Tensor a = tensor(std::vector<int32_t>{12, 35, 7}, SHIM_INT32, {3}, cuda);
  const Tensor b = tensor(std::vector<int32_t>{18, 14, 5}, SHIM_INT32, {3}, cuda);
  require(call("aten::gcd", "", {a, b}).values<int32_t>() == std::vector<int32_t>{6, 7, 1}, "it computes other values");
  return std::string();
});

}  // namespace
}  // namespace selftest
