// Bilinear resizing whose corners map to corners.
#pragma once

#include "parallel.h"
#include "simd.h"

namespace man {
namespace MAN_ISA {
namespace resizing {

/// The two neighbours of a pixel of the result along one axis, and the second one's weight.
struct Between {
  int low, high;
  float weight;
};

MAN_INLINE Between between(int i, int from, int to) {
  const double at = to == 1 ? 0 : static_cast<double>(i) * (from - 1) / (to - 1);
  const int low = static_cast<int>(at) < from - 1 ? static_cast<int>(at) : from - 1;
  return {low, low + 1 < from ? low + 1 : low, static_cast<float>(at - low)};
}

template <class F>
MAN_INLINE void eachChannel(int c, F f) {
  int i = 0;
  for (; i + kLanes <= c; i += kLanes) f(i, kLanes);
  if (i < c) f(i, c - i);
}

MAN_INLINE Vec take(const float* from, int some) { return some == kLanes ? load(from) : loadSome(from, some); }
MAN_INLINE void give(float* to, Vec v, int some) {
  if (some == kLanes) store(to, v);
  else storeSome(to, v, some);
}

}  // namespace resizing

static void resize(const ResizeCall& s) {
  using namespace resizing;
  parallelFor(s.n * s.toHeight, [&](int line) {
    const int picture = line / s.toHeight;
    const Between row = between(line % s.toHeight, s.fromHeight, s.toHeight);
    const float* pixels = s.from + static_cast<size_t>(picture) * s.fromHeight * s.fromWidth * s.c;
    const float *low = pixels + static_cast<size_t>(row.low) * s.fromWidth * s.c, *high = pixels + static_cast<size_t>(row.high) * s.fromWidth * s.c;
    // Down first, once per column of the input.
    float* mixed = scratch(2, static_cast<size_t>(s.fromWidth) * s.c + kLanes);
    for (int i = 0; i < s.fromWidth * s.c; i++) mixed[i] = low[i] + (high[i] - low[i]) * row.weight;
    float* to = s.to + static_cast<size_t>(line) * s.toWidth * s.c;
    for (int x = 0; x < s.toWidth; x++) {
      const Between column = between(x, s.fromWidth, s.toWidth);
      eachChannel(s.c, [&](int c, int some) {
        const Vec left = take(mixed + column.low * s.c + c, some), right = take(mixed + column.high * s.c + c, some);
        give(to + x * s.c + c, left + (right - left) * column.weight, some);
      });
    }
  });
}

static void resizeGradient(const ResizeCall& s) {
  using namespace resizing;
  parallelFor(s.n, [&](int picture) {
    const size_t size = static_cast<size_t>(s.fromHeight) * s.fromWidth * s.c, line = static_cast<size_t>(s.fromWidth) * s.c;
    float* to = s.to + picture * size;
    memset(to, 0, sizeof(float) * size);
    float* gathered = scratch(2, line);
    for (int y = 0; y < s.toHeight; y++) {
      const float* from = s.from + (static_cast<size_t>(picture) * s.toHeight + y) * s.toWidth * s.c;
      memset(gathered, 0, sizeof(float) * line);
      for (int x = 0; x < s.toWidth; x++) {
        const Between column = between(x, s.fromWidth, s.toWidth);
        eachChannel(s.c, [&](int c, int some) {
          const Vec v = take(from + x * s.c + c, some), right = v * column.weight;
          float *low = gathered + column.low * s.c + c, *high = gathered + column.high * s.c + c;
          give(low, take(low, some) + (v - right), some);
          give(high, take(high, some) + right, some);
        });
      }
      const Between row = between(y, s.fromHeight, s.toHeight);
      float *low = to + row.low * line, *high = to + row.high * line;
      for (size_t i = 0; i < line; i++) {
        const float below = gathered[i] * row.weight;
        low[i] += gathered[i] - below;
        high[i] += below;
      }
    }
  });
}

}  // namespace MAN_ISA
}  // namespace man
