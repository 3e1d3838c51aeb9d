// Memory for large results, which come and go in the same sizes thousands of times in a training run.
#pragma once

#include <cstddef>

namespace man {

/// A page-aligned block, or null where there is no room or no arena here: the caller falls back to TensorFlow's allocator.
void* allocateBlock(size_t bytes);

void releaseBlock(void* block);

/// Blocks smaller than this are better off with malloc.
constexpr size_t kLeastBlock = 64 << 10;

/// Blocks of this size on are too: malloc gives them back to the system at once, where the arena would keep a hole that little else fills.
constexpr size_t kLargeBlock = 256 << 20;

}  // namespace man
