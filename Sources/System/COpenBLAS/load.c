#define _GNU_SOURCE
#include "openblas_loader.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

#ifndef RTLD_DEEPBIND
#define RTLD_DEEPBIND 0
#endif

static openblas_functions functions;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
  static const char *const names[] = {"libopenblas.so.0", "libopenblas.so", "libopenblas.dylib"};
  void *library = NULL;
  const char *chosen = getenv("TORCHLAYERS_OPENBLAS");
  if (chosen != NULL && *chosen != '\0') {
    library = dlopen(chosen, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    if (library == NULL) {
      functions.error = "TORCHLAYERS_OPENBLAS does not name a library that can be opened";
      return;
    }
  }
  for (size_t i = 0; library == NULL && i < sizeof names / sizeof names[0]; ++i) {
    library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
  }
  if (library == NULL) {
    functions.error = "OpenBLAS (libopenblas.so.0) is not installed; on Debian: apt-get install libopenblas-dev";
    return;
  }
  functions.dgemm = (openblas_dgemm)dlsym(library, "cblas_dgemm");
  functions.sgemm = (openblas_sgemm)dlsym(library, "cblas_sgemm");
  functions.set_num_threads = (void (*)(int))dlsym(library, "openblas_set_num_threads");
  if (functions.dgemm == NULL || functions.sgemm == NULL) functions.error = "OpenBLAS has no cblas_dgemm";
}

openblas_functions openblas_load(void) {
  pthread_once(&once, load);
  return functions;
}

const char *openblas_library(void) {
  Dl_info info;
  openblas_functions loaded = openblas_load();
  return loaded.dgemm != NULL && dladdr((void *)loaded.dgemm, &info) != 0 ? info.dli_fname : NULL;
}
