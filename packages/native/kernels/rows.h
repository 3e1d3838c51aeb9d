// Rows of pixels on their way into and out of a convolution.
#pragma once

#include "kernels.h"
#include "simd.h"

namespace man {
namespace MAN_ISA {

/// Pixels as a convolution sees them: x itself, normalised, or a gradient put together from two tensors.
struct Source {
  int h, w, c;
  const float* x;
  const float *scale, *shift;  // null for x itself
  const float *other, *otherScale;
  bool relu;
};

MAN_INLINE Source sourceOf(const Convolution& s, const float* x, const Normalised& input) {
  return {s.h, s.w, s.c, x, input.scale, input.shift, nullptr, nullptr, input.relu};
}

MAN_INLINE Source gradientSource(const ConvolveGradientCall& call) {
  const Convolution& s = call.shape;
  return {s.outHeight, s.outWidth, s.filters, call.dy, call.dyScale, call.offset, call.dyScale ? call.y : nullptr, call.yScale, false};
}

MAN_INLINE Vec seen(const Source& s, Vec x, Vec scale, Vec shift, Vec other, Vec otherScale) {
  Vec v = x * scale + shift;
  if (s.other) v += other * otherScale;
  return s.relu ? rectified(v) : v;
}

/// A vector to a pixel that has `room` floats left for it.
MAN_INLINE void put(float* to, Vec v, int room) {
  if (room >= kLanes) store(to, v);
  else storeSome(to, v, room);
}

/// `count` pixels from `at` on, each to `pitch` floats, those behind the channels zero.
static void copyPixels(const Source s, size_t at, int count, float* to, int pitch) {
  const float* x = s.x + at * s.c;
  const float* other = s.other ? s.other + at * s.c : x;
  for (int c = 0; c < pitch; c += kLanes) {
    const int some = s.c - c, room = pitch - c;
    if (!s.scale) {
      if (some >= kLanes) for (int i = 0; i < count; i++) store(to + i * pitch + c, load(x + i * s.c + c));
      else for (int i = 0; i < count; i++) put(to + i * pitch + c, loadSome(x + i * s.c + c, some), room);
    } else if (some >= kLanes) {
      const Vec scale = load(s.scale + c), shift = load(s.shift + c), otherScale = s.other ? load(s.otherScale + c) : Vec{};
      for (int i = 0; i < count; i++)
        store(to + i * pitch + c, seen(s, load(x + i * s.c + c), scale, shift, load(other + i * s.c + c), otherScale));
    } else {
      const Vec scale = loadSome(s.scale + c, some), shift = loadSome(s.shift + c, some);
      const Vec otherScale = s.other ? loadSome(s.otherScale + c, some) : Vec{};
      for (int i = 0; i < count; i++) {
        const Vec v = loadSome(x + i * s.c + c, some), o = s.other ? loadSome(other + i * s.c + c, some) : Vec{};
        put(to + i * pitch + c, seen(s, v, scale, shift, o, otherScale), room);
      }
    }
  }
}

/// Row y of a picture from column `left` on, `count` pixels wide, zero outside of the picture.
static void loadRow(const Source& s, int picture, int y, int left, int count, float* to, int pitch) {
  if (y < 0 || y >= s.h) {
    memset(to, 0, sizeof(float) * count * pitch);
    return;
  }
  const int begin = most(0, -left), end = most(begin, least(count, s.w - left));
  memset(to, 0, sizeof(float) * begin * pitch);
  copyPixels(s, (static_cast<size_t>(picture) * s.h + y) * s.w + left + begin, end - begin, to + begin * pitch, pitch);
  memset(to + end * pitch, 0, sizeof(float) * (count - end) * pitch);
}

/// What happens to a convolution's results: bias and sums on the way forward; mask, addend and sums on the way back.
struct Sink {
  int h, w, c;
  float* y;
  const float* bias;
  const float *addend, *otherAddend;
  // Where these pixels were normalised: the pixels before, to mask with and to sum with.
  const float *x, *scale, *shift;
  bool relu;
  const float* pivot;
  bool sums;
};

/// Sums of a band of rows in float32, few enough that nothing is lost; added up in float64.
struct Sums {
  float* band;     // [2, pitch]
  double* totals;  // [2, c]
};

MAN_INLINE void clearBand(const Sums& sums, int pitch) { memset(sums.band, 0, sizeof(float) * 2 * pitch); }

MAN_INLINE void addBand(const Sums& sums, int c, int pitch) {
  for (int i = 0; i < c; i++) {
    sums.totals[i] += sums.band[i];
    sums.totals[c + i] += sums.band[pitch + i];
  }
}

/// One vector of channels of a row. `Some` handles channels that do not fill the vector.
template <bool Some>
MAN_INLINE void storeChannels(const Sink s, size_t at, int count, const float* row, int pitch, int c, const Sums& sums) {
  const int some = s.c - c;
  const auto read = [&](const float* from) { return Some ? loadSome(from, some) : load(from); };
  const Vec bias = s.bias ? read(s.bias + c) : Vec{}, pivot = s.pivot ? read(s.pivot + c) : Vec{};
  const Vec scale = s.scale ? read(s.scale + c) : Vec{}, shift = s.scale ? read(s.shift + c) : Vec{};
  Vec sum{}, product{};
  for (int i = 0; i < count; i++) {
    const size_t place = (at + i) * s.c + c;
    Vec v = load(row + i * pitch + c) + bias;
    if (s.addend) v += read(s.addend + place);
    if (s.otherAddend) v += read(s.otherAddend + place);
    if (s.x) {
      const Vec x = read(s.x + place);
      if (s.relu) v = whereAbove(x * scale + shift, v);
      product += v * (x - pivot);
      sum += v;
    } else if (s.sums) {
      const Vec centred = v - pivot;
      product += centred * centred;
      sum += centred;
    }
    if (Some) storeSome(s.y + place, v, some);
    else store(s.y + place, v);
  }
  if (!s.sums) return;
  store(sums.band + c, load(sums.band + c) + sum);
  store(sums.band + pitch + c, load(sums.band + pitch + c) + product);
}

/// A row of results, `pitch` floats a pixel, to the first `count` pixels of row y.
static void storeRow(const Sink s, int picture, int y, int count, const float* row, int pitch, const Sums& sums) {
  const size_t at = (static_cast<size_t>(picture) * s.h + y) * s.w;
  int c = 0;
  for (; c + kLanes <= s.c; c += kLanes) storeChannels<false>(s, at, count, row, pitch, c, sums);
  if (c < s.c) storeChannels<true>(s, at, count, row, pitch, c, sums);
}

}  // namespace MAN_ISA
}  // namespace man
