// A test of the shim by itself, for a machine that has no Swift: loads it as the program does and uses its table.
//
//   c++ -std=c++20 -I Sources/CTorchShim/include shim/selftest/*.cpp Sources/CTorchShim/load.c -ldl -pthread -o selftest
//   ./selftest bin/libtorchshim.so [--require-gpu] [--only PART-OF-A-NAME]
//
// One line for each check, as soon as it is known: passed, FAILED or skipped. The exit code is 1 when a check failed, with
// --require-gpu also when one was skipped.
#include "support.hpp"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

namespace selftest {

const torch_shim *shim = nullptr;
std::vector<Check> &checks() {
  static std::vector<Check> all;
  return all;
}
static const char *running = "nothing";

// Only what a signal handler may call.
static void crashed(int signal) {
  auto say = [](const char *text) { (void)!write(STDOUT_FILENO, text, strlen(text)); };
  say("FAILED   ");
  say(running);
  say(signal == SIGSEGV ? ": a segmentation fault\n" : signal == SIGABRT ? ": abort\n" : ": a signal\n");
  _exit(1);
}

}  // namespace selftest

using namespace selftest;

int main(int count, char **arguments) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  const char *path = nullptr, *only = "";
  bool require_gpu = false;
  for (int i = 1; i < count; ++i) {
    const std::string word = arguments[i];
    if (word == "--require-gpu") {
      require_gpu = true;
    } else if (word == "--only" && i + 1 < count) {
      only = arguments[++i];
    } else if (path == nullptr && word[0] != '-') {
      path = arguments[i];
    } else {
      path = nullptr;
      break;
    }
  }
  if (path == nullptr) {
    fprintf(stderr, "usage: selftest SHIM [--require-gpu] [--only PART-OF-A-NAME]\n");
    return 64;
  }
  for (int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) std::signal(signal, crashed);
  // Read by cuBLAS when it is first used; deterministic algorithms need it.
  setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);

  char message[2048] = "";
  running = "loading the shim";
  shim = torch_shim_load(path, message, sizeof message);
  if (shim == nullptr) {
    printf("FAILED   loading the shim: %s\n", message);
    return 1;
  }
  printf("passed   loading the shim: libtorch %s, shim for %s-%s\n", shim->running_version, shim->built_version,
         shim->built_variant);
  shim_cuda_state state{};
  shim->cuda_state(&state);
  const int32_t devices = shim->cuda_device_count();
  printf("         CUDA devices: %d, driver %d, runtime %d%s%s\n", devices, state.driver, state.runtime,
         state.error[0] ? ", " : "", state.error);

  int failed = 0, skipped = 0, done = 0;
  for (const Check &check : checks()) {
    if (strstr(check.name, only) == nullptr) continue;
    running = check.name;
    const char *reason = nullptr;
    if (check.needs == Needs::device && devices == 0) reason = "no CUDA device";
    // Where a GPU is required, this is why there is none.
    if (check.needs >= Needs::cuda_build && state.runtime == 0 && (require_gpu || reason == nullptr)) {
      reason = "the shim was built without CUDA";
    }
    if (reason != nullptr) {
      printf("%s  %s: %s\n", require_gpu ? "FAILED " : "skipped", check.name, reason);
      ++(require_gpu ? failed : skipped);
      continue;
    }
    const int64_t before = shim->live_handles();
    try {
      const std::string words = check.run();
      const int64_t left = shim->live_handles() - before;
      if (left != 0) throw Failure(std::to_string(left) + " handles were not given back");
      printf("passed   %s%s%s\n", check.name, words.empty() ? "" : ": ", words.c_str());
      ++done;
    } catch (const std::exception &error) {
      printf("FAILED   %s: %s\n", check.name, error.what());
      ++failed;
    }
  }
  printf("%d passed, %d failed, %d skipped\n", done, failed, skipped);
  if (done + failed + skipped == 0) {
    printf("FAILED   no check has '%s' in its name\n", only);
    return 1;
  }
  return failed > 0 ? 1 : 0;
}
