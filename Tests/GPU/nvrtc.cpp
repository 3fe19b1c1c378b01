// Whether NVRTC compiles a kernel outside Python: only after the shim has opened libnvrtc-builtins. Needs NVRTC's two
// libraries (the package nvidia-cuda-nvrtc), in the one folder of SHIM_FOLDERS, and no GPU.
#include <dlfcn.h>

#include <cstdio>
#include <filesystem>
#include <string>

namespace shim {
void open_nvrtc_builtins();
}

static std::string compile(void *nvrtc) {
  struct Program;
  auto create = (int (*)(Program **, const char *, const char *, int, const char *const *, const char *const *))dlsym(
      nvrtc, "nvrtcCreateProgram");
  auto compile = (int (*)(Program *, int, const char *const *))dlsym(nvrtc, "nvrtcCompileProgram");
  auto log = (int (*)(Program *, char *))dlsym(nvrtc, "nvrtcGetProgramLog");
  Program *program = nullptr;
  const char *source = "extern \"C\" __global__ void twice(float *x) { x[threadIdx.x] *= 2; }";
  if (create(&program, source, "twice.cu", 0, nullptr, nullptr) != 0) return "no program can be made";
  if (compile(program, 0, nullptr) == 0) return "compiled";
  static char text[1 << 20];
  log(program, text);
  return text;
}

int main() {
  const std::string folder = std::string(SHIM_FOLDERS).substr(std::string(SHIM_FOLDERS).rfind(':') + 1);
  void *nvrtc = nullptr;
  for (const auto &file : std::filesystem::directory_iterator(folder)) {
    // As libtorch opens it, by its own search path.
    if (file.path().filename().string().starts_with("libnvrtc.so.")) nvrtc = dlopen(file.path().c_str(), RTLD_LAZY);
  }
  if (nvrtc == nullptr) return printf("FAILED there is no libnvrtc in %s\n", folder.c_str()), 1;
  std::string words = compile(nvrtc);
  if (words.find("failed to open libnvrtc-builtins") == std::string::npos) {
    return printf("FAILED without the shim's help it should not have compiled: %s\n", words.c_str()), 1;
  }
  shim::open_nvrtc_builtins();
  words = compile(nvrtc);
  if (words != "compiled") return printf("FAILED nvrtcCompileProgram: %s\n", words.c_str()), 1;
  printf("ok  NVRTC compiles a kernel once the shim has opened its second library\n");
  return 0;
}
