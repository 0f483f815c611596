#pragma once

namespace glossa {

// For programs whose every round takes and gives back the same large blocks, as training steps do: glibc
// would return them to the system and have their pages made and cleared again in the next round, which took
// half of a small model's time. Call it first thing in main(); without glibc it does nothing.
void keep_freed_memory();

}  // namespace glossa
