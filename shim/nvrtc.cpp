// NVRTC, CUDA's compiler of kernels at run time, which cuDNN and some operators use. It opens a second library of its own,
// libnvrtc-builtins, by name alone. Python finds that one because torch opens it by path beforehand; so does the shim.
#ifdef TORCHLAYERS_CUDA

#include <dlfcn.h>

#include <filesystem>
#include <sstream>
#include <string>
#include <system_error>

namespace shim {

// SHIM_FOLDERS: the folders that libtorch's libraries are loaded from, separated by colons.
void open_nvrtc_builtins() {
  std::istringstream folders(SHIM_FOLDERS);
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::error_code none;
    for (const auto &file : std::filesystem::directory_iterator(folder, none)) {
      if (!file.path().filename().string().starts_with("libnvrtc-builtins.so.")) continue;
      // Never closed. The loader then answers with it wherever that name is asked for.
      if (dlopen(file.path().c_str(), RTLD_LAZY | RTLD_LOCAL) != nullptr) return;
    }
  }
}

}  // namespace shim

#endif
