// Rows of pixels on their way into and out of a convolution.
#pragma once

#include "kernels.h"
#include "simd.h"

namespace man {
namespace MAN_ISA {

/// Pixels as a convolution sees them: x itself, normalised, or a gradient put together from two tensors.
struct Source {
  int h, w, c, pitch;
  const float* x;
  const float *scale, *shift;  // null for x itself
  const float *other, *otherScale;
  bool relu;
};

MAN_INLINE Source sourceOf(const Convolution& s, const float* x, const Normalised& input) {
  return {s.h, s.w, s.c, s.xPitch, x, input.scale, input.shift, nullptr, nullptr, input.relu};
}

MAN_INLINE Source gradientSource(const ConvolveGradientCall& call) {
  const Convolution& s = call.shape;
  return {s.outHeight, s.outWidth, s.filters, s.yPitch, call.dy, call.dyScale, call.offset, call.dyScale ? call.y : nullptr, call.yScale, false};
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
  const float* x = s.x + at * s.pitch;
  const float* other = s.other ? s.other + at * s.pitch : x;
  for (int c = 0; c < pitch; c += kLanes) {
    const int some = s.c - c, room = pitch - c;
    if (!s.scale) {
      if (some >= kLanes) for (int i = 0; i < count; i++) store(to + i * pitch + c, load(x + i * s.pitch + c));
      else for (int i = 0; i < count; i++) put(to + i * pitch + c, loadSome(x + i * s.pitch + c, some), room);
    } else if (some >= kLanes) {
      const Vec scale = load(s.scale + c), shift = load(s.shift + c), otherScale = s.other ? load(s.otherScale + c) : Vec{};
      for (int i = 0; i < count; i++)
        store(to + i * pitch + c, seen(s, load(x + i * s.pitch + c), scale, shift, load(other + i * s.pitch + c), otherScale));
    } else {
      const Vec scale = loadSome(s.scale + c, some), shift = loadSome(s.shift + c, some);
      const Vec otherScale = s.other ? loadSome(s.otherScale + c, some) : Vec{};
      for (int i = 0; i < count; i++) {
        const Vec v = loadSome(x + i * s.pitch + c, some), o = s.other ? loadSome(other + i * s.pitch + c, some) : Vec{};
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
  int h, w, c, pitch;
  float* y;
  const float* bias;
  const float *addend, *otherAddend;
  // Where these pixels were normalised: the pixels before, to mask with and to sum with.
  const float *x, *scale, *shift;
  bool relu;
  const float* mean;
  bool sums;
};

/// What a chunk of work sums per channel of what it stores. Forward count, means and squared distances from them; backward Σ v and
/// Σ v · (x - mean). A band of rows is summed in float32, few enough numbers and from a pivot near them, so that nothing is lost.
class Sums {
 public:
  static int floats(int pitch) { return 3 * pitch; }
  static int doubles(const Sink& s) { return s.sums ? 2 * s.c + 1 : 0; }

  Sums(const Sink& sink, int pitch, float* memory, double* totals)
      : sum(memory), product(memory + pitch), pivot(memory + 2 * pitch), sink_(sink), pitch_(pitch), totals_(totals) {}

  MAN_MEMBER void begin() {
    if (sink_.sums) memset(sum, 0, sizeof(float) * 3 * pitch_);
    pixels = 0;
  }

  /// Adds the band to the totals.
  MAN_MEMBER void end() const {
    if (!sink_.sums || pixels == 0) return;
    const int c = sink_.c;
    for (int i = 0; i < c; i++) {
      if (sink_.x) totals_[1 + i] += sum[i], totals_[1 + c + i] += product[i];
      else merge(totals_, c, i, pixels, pivot[i] + static_cast<double>(sum[i]) / pixels, product[i] - static_cast<double>(sum[i]) * sum[i] / pixels);
    }
    totals_[0] += pixels;
  }

  /// Merges count, mean and squared distances of more numbers of channel `i`; the count is raised when all channels are done.
  /// Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
  static void merge(double* totals, int c, int i, double count, double mean, double squares) {
    const double all = totals[0] + count, beside = mean - totals[1 + i];
    totals[1 + i] += beside * count / all;
    totals[1 + c + i] += squares + beside * beside * totals[0] * count / all;
  }

  float *const sum, *const product, *const pivot;
  int pixels = 0;

 private:
  const Sink& sink_;
  const int pitch_;
  double* const totals_;
};

/// One vector of channels of a row. `Some` handles channels that do not fill the vector.
template <bool Some>
MAN_INLINE void storeChannels(const Sink s, size_t at, int count, const float* row, int pitch, int c, const Sums& sums) {
  const int some = s.c - c;
  const auto read = [&](const float* from) { return Some ? loadSome(from, some) : load(from); };
  const Vec bias = s.bias ? read(s.bias + c) : Vec{}, mean = s.x && s.sums ? read(s.mean + c) : Vec{};
  const bool measures = s.sums && !s.x;
  if (measures && sums.pixels == 0) store(sums.pivot + c, load(row + c) + bias);
  const Vec pivot = measures ? load(sums.pivot + c) : Vec{};
  const Vec scale = s.scale ? read(s.scale + c) : Vec{}, shift = s.scale ? read(s.shift + c) : Vec{};
  Vec sum{}, product{};
  for (int i = 0; i < count; i++) {
    const size_t place = (at + i) * s.pitch + c;
    Vec v = load(row + i * pitch + c) + bias;
    if (s.addend) v += read(s.addend + place);
    if (s.otherAddend) v += read(s.otherAddend + place);
    if (s.x) {
      const Vec x = read(s.x + place);
      if (s.relu) v = whereAbove(x * scale + shift, v);
      product += v * (x - mean);
      sum += v;
    } else if (measures) {
      const Vec centred = v - pivot;
      product += centred * centred;
      sum += centred;
    }
    if (Some) storeSome(s.y + place, v, some);
    else store(s.y + place, v);
  }
  if (!s.sums) return;
  store(sums.sum + c, load(sums.sum + c) + sum);
  store(sums.product + c, load(sums.product + c) + product);
}

/// A row of results, `pitch` floats a pixel, to the first `count` pixels of row y.
static void storeRow(const Sink s, int picture, int y, int count, const float* row, int pitch, Sums& sums) {
  const size_t at = (static_cast<size_t>(picture) * s.h + y) * s.w;
  int c = 0;
  for (; c + kLanes <= s.c; c += kLanes) storeChannels<false>(s, at, count, row, pitch, c, sums);
  if (c < s.c) storeChannels<true>(s, at, count, row, pitch, c, sums);
  sums.pixels += count;
}

}  // namespace MAN_ISA
}  // namespace man
