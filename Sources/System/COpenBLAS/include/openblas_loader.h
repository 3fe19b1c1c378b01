// OpenBLAS, opened at run time into a scope of its own.
//
// Linked in the ordinary way its cblas_sgemm and sgemm_ would stand in the program's global scope, where
// libtorch has functions of the same names: one of the two would silently compute with the other's.

#ifndef OPENBLAS_LOADER_H
#define OPENBLAS_LOADER_H

#ifdef __clang__
#pragma clang assume_nonnull begin
#endif

// cblas_dgemm and cblas_sgemm with row-major matrices: order 101; transpose 111 (no) or 112 (yes).
typedef void (*openblas_dgemm)(int order, int transpose_a, int transpose_b, int m, int n, int k, double alpha,
                               const double *a, int lda, const double *b, int ldb, double beta, double *c,
                               int ldc);
typedef void (*openblas_sgemm)(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha,
                               const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);

typedef struct openblas_functions {
  openblas_dgemm _Nullable dgemm;
  openblas_sgemm _Nullable sgemm;
  void (*_Nullable set_num_threads)(int count);
  const char *_Nullable error;  // why it could not be opened; null when all is well
} openblas_functions;

// Opens OpenBLAS, or the file that TORCHLAYERS_OPENBLAS names, at the first call. Threads may call it at the same time.
openblas_functions openblas_load(void);

// The file that dgemm is from, as the dynamic loader sees it; null when OpenBLAS could not be opened.
const char *_Nullable openblas_library(void);

#ifdef __clang__
#pragma clang assume_nonnull end
#endif
#endif
