// Batch normalisation, residual addition, ReLU and average pooling in one pass over the pixels, forward and backward.
#pragma once

#include "chunks.h"

namespace man {
namespace MAN_ISA {
namespace normalise {

constexpr int kPart = 4096;  // floats that one thread takes at a time: a page or two of each tensor

/// Pixels of a part; whole pictures where they are pooled.
MAN_INLINE int pixelsOf(const NormaliseCall& s) {
  const int pixels = most(1, kPart / s.c);
  return s.pool > 1 ? roundUp(pixels, s.pool) : pixels;
}

template <bool Some>
MAN_INLINE Vec read(const float* from, int some) {
  return Some ? loadSome(from, some) : load(from);
}

/// Coefficients of one vector of channels.
struct Channels {
  Vec scale, shift, residualScale, residualShift;
};

template <bool Some>
MAN_INLINE Channels channelsOf(const NormaliseCall& s, int c) {
  const int some = s.c - c;
  const bool both = s.residualScale != nullptr;
  return {read<Some>(s.input.scale + c, some), read<Some>(s.input.shift + c, some), both ? read<Some>(s.residualScale + c, some) : splat(1.f),
          both ? read<Some>(s.residualShift + c, some) : Vec{}};
}

template <bool Some>
MAN_INLINE Vec sum(const NormaliseCall& s, const Channels& k, size_t at, int some) {
  Vec v = read<Some>(s.x + at, some) * k.scale + k.shift;
  if (s.residual) v += read<Some>(s.residual + at, some) * k.residualScale + k.residualShift;
  return v;
}

template <bool Some>
MAN_INLINE void forward(const NormaliseCall& s, size_t first, int count, int c) {
  const int some = s.c - c;
  const Channels k = channelsOf<Some>(s, c);
  for (int i = 0; i < count; i += s.pool) {
    Vec total{};
    for (int j = 0; j < s.pool; j++) {
      const Vec v = sum<Some>(s, k, (first + i + j) * s.c + c, some);
      total += s.input.relu ? rectified(v) : v;
    }
    if (s.pool > 1) total *= 1.f / s.pool;
    float* to = s.y + (first + i) / s.pool * s.c + c;
    if (Some) storeSome(to, total, some);
    else store(to, total);
  }
}

template <bool Some>
MAN_INLINE void backward(const NormaliseGradientCall& call, size_t first, int count, int c, float* band, int pitch) {
  const NormaliseCall& s = call.forward;
  const int some = s.c - c;
  const Channels k = channelsOf<Some>(s, c);
  const Vec mean = read<Some>(call.mean + c, some);
  const Vec residualMean = call.residualMean ? read<Some>(call.residualMean + c, some) : Vec{};
  Vec sums[3] = {};
  for (int i = 0; i < count; i++) {
    const size_t at = (first + i) * s.c + c;
    Vec v = read<Some>(call.dy + (s.pool > 1 ? (first + i) / s.pool * s.c + c : at), some);
    if (s.pool > 1) v *= 1.f / s.pool;
    if (s.input.relu) v = whereAbove(sum<Some>(s, k, at, some), v);
    if (Some && call.dz) storeSome(call.dz + at, v, some);
    else if (call.dz) store(call.dz + at, v);
    sums[0] += v;
    sums[1] += v * (read<Some>(s.x + at, some) - mean);
    if (call.residualMean) sums[2] += v * (read<Some>(s.residual + at, some) - residualMean);
  }
  for (int i = 0; i < 3; i++) store(band + i * pitch + c, sums[i]);
}

}  // namespace normalise

static void normaliseForward(const NormaliseCall& s) {
  const int part = normalise::pixelsOf(s);
  parallelFor(static_cast<int>((s.pixels + part - 1) / part), [&](int i) {
    const size_t first = static_cast<size_t>(i) * part;
    const int count = s.pixels - first < static_cast<size_t>(part) ? static_cast<int>(s.pixels - first) : part;
    int c = 0;
    for (; c + kLanes <= s.c; c += kLanes) normalise::forward<false>(s, first, count, c);
    if (c < s.c) normalise::forward<true>(s, first, count, c);
  });
}

static void normaliseBackward(const NormaliseGradientCall& call) {
  const NormaliseCall& s = call.forward;
  const int part = normalise::pixelsOf(s), pitch = padded(s.c);
  const int parts = static_cast<int>((s.pixels + part - 1) / part), chunks = least(parts, kMostChunks);
  const Partial partial(chunks, 3 * s.c);
  eachChunk(chunks, parts, [&](int chunk, int begin, int end) {
    float* band = scratch(2, static_cast<size_t>(3) * pitch);
    double* totals = partial.of(chunk);
    for (int i = begin; i < end; i++) {
      const size_t first = static_cast<size_t>(i) * part;
      const int count = s.pixels - first < static_cast<size_t>(part) ? static_cast<int>(s.pixels - first) : part;
      int c = 0;
      for (; c + kLanes <= s.c; c += kLanes) normalise::backward<false>(call, first, count, c, band, pitch);
      if (c < s.c) normalise::backward<true>(call, first, count, c, band, pitch);
      for (int k = 0; k < 3; k++)
        for (c = 0; c < s.c; c++) totals[k * s.c + c] += band[k * pitch + c];
    }
  });
  partial.addUp(call.sums);
}

}  // namespace MAN_ISA
}  // namespace man
