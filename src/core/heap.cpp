// The knobs of glibc's malloc.
#include "mpq/core/heap.h"

#include <cstdlib>  // __GLIBC__
#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace mpq {

void keep_small_blocks() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 128 << 20);
#endif
}

void release_kept_blocks() {
#ifdef __GLIBC__
  constexpr size_t kMost = size_t{256} << 20;
  if (mallinfo2().fordblks > kMost) malloc_trim(0);
#endif
}

}  // namespace mpq
