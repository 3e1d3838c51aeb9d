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

  int chunks() const { return chunks_; }
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

/// What the chunks of a convolution sum, see Sums.
MAN_INLINE Partial partialOf(const Sink& sink, int chunks) { return Partial(chunks, Sums::doubles(sink)); }

/// Writes Σ v and Σ v · (x - mean), or mean and variance, per channel.
static void finish(const Partial& partial, const Sink& sink, double* to) {
  if (!sink.sums) return;
  const int c = sink.c;
  // No containers of the standard library here: what the compiler makes of them for one instruction set could be linked for all.
  double* all = reinterpret_cast<double*>(scratch(5, 2 * (2 * c + 1)));
  memset(all, 0, sizeof(double) * (2 * c + 1));
  if (sink.x) {
    partial.addUp(all);
  } else {
    for (int chunk = 0; chunk < partial.chunks(); chunk++) {
      const double* own = partial.of(chunk);
      if (own[0] == 0) continue;
      for (int i = 0; i < c; i++) Sums::merge(all, c, i, own[0], own[1 + i], own[1 + c + i]);
      all[0] += own[0];
    }
    for (int i = 0; i < c; i++) all[1 + c + i] /= all[0];
  }
  memcpy(to, all + 1, sizeof(double) * 2 * c);
}

}  // namespace MAN_ISA
}  // namespace man
