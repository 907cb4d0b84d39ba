#pragma once
// What the heap does with blocks that were freed.

namespace mpq {

/// Called once, by the program: blocks below 32 MiB are kept for reuse, larger ones go back to the
/// system. Nothing where the C library has no such choice.
void keep_small_blocks();
/// Gives what is kept back to the system when it is more than a quarter of a gigabyte: what follows
/// has blocks of other sizes.
void release_kept_blocks();

}  // namespace mpq
