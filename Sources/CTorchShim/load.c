#include "torch_shim.h"

#include <dlfcn.h>
#include <stdio.h>

const torch_shim *torch_shim_in_use = NULL;

const torch_shim *torch_shim_load(const char *path, char *message, size_t capacity) {
  // RTLD_LOCAL keeps libtorch's symbols (its own BLAS among them) out of the global scope.
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    snprintf(message, capacity, "%s", dlerror());
    return NULL;
  }
  torch_shim_entry entry = (torch_shim_entry)dlsym(library, "torch_shim_table");
  if (entry == NULL) {
    snprintf(message, capacity, "it is no torchlayers shim (it does not export torch_shim_table)");
    return NULL;
  }
  const torch_shim *table = entry();
  if (table->abi != TORCH_SHIM_ABI) {
    snprintf(message, capacity, "it was built for contract %d, this program needs %d", table->abi,
             TORCH_SHIM_ABI);
    return NULL;
  }
  return table;
}
