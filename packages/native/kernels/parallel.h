// Threads that wait for work, and memory that they keep between calls.
#pragma once

#include <cstddef>

namespace man {

/// Threads that kernels run on, the caller's included: TF_NUM_INTRAOP_THREADS, else one per processor of this process.
int threadCount();

/// Runs body(context, 0) … body(context, count - 1), in any order, on all threads; returns when all are done.
void parallelFor(int count, void (*body)(void* context, int index), void* context);

template <class F>
void parallelFor(int count, F&& f) {
  parallelFor(count, [](void* context, int index) { (*static_cast<F*>(context))(index); }, &f);
}

/// Memory of the calling thread, 64-byte aligned, kept and reused from call to call; `slot` tells several of them apart.
float* scratch(int slot, size_t floats);

}  // namespace man
