#include "base/freed_memory.h"

#include <cstdlib>  // defines __GLIBC__
#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace glossa {

void keep_freed_memory() {
#ifdef __GLIBC__
  constexpr int kOneGigabyte = 1 << 30;
  ::mallopt(M_MMAP_THRESHOLD, kOneGigabyte);
  ::mallopt(M_TRIM_THRESHOLD, kOneGigabyte);
  ::mallopt(M_ARENA_MAX, 1);
#endif
}

}  // namespace glossa
