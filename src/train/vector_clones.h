// Marks a function that is compiled once for each of several instruction sets; which one runs is chosen when
// the program starts.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
#define GLOSSA_VECTOR_CLONES __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define GLOSSA_VECTOR_CLONES
#endif
