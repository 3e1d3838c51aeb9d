// Work in chunks that do not depend on the number of threads, so that neither do the sums that each of them takes.
#pragma once

#include "parallel.h"
#include "rows.h"

namespace man {
namespace MAN_ISA {

constexpr int kMostChunks = 128;

/// f(chunk, from, to) for `chunks` ranges of 0 … items - 1, in parallel.
template <class F>
MAN_INLINE void eachChunk(int chunks, int items, F f) {
  parallelFor(chunks, [&](int chunk) {
    const auto at = [=](int i) { return static_cast<int>(static_cast<int64_t>(i) * items / chunks); };
    f(chunk, at(chunk), at(chunk + 1));
  });
}

/// Sums in float64 of every chunk, to be added up in their order. One at a time in a thread.
class Partial {
 public:
  Partial(int chunks, int count) : chunks_(chunks), count_(count) {
    const size_t size = static_cast<size_t>(chunks) * count;
    all_ = reinterpret_cast<double*>(scratch(1, 2 * size));
    memset(all_, 0, sizeof(double) * size);
  }

  double* of(int chunk) const { return all_ + static_cast<size_t>(chunk) * count_; }

  void addUp(double* to) const {
    for (int i = 0; i < count_; i++) {
      to[i] = 0;
      for (int chunk = 0; chunk < chunks_; chunk++) to[i] += of(chunk)[i];
    }
  }

 private:
  const int chunks_, count_;
  double* all_;
};

/// What a convolution sums per channel of its results: two rows, or nothing.
MAN_INLINE Partial partialOf(const Sink& sink, int chunks) { return Partial(chunks, sink.sums ? 2 * sink.c : 0); }

}  // namespace MAN_ISA
}  // namespace man
