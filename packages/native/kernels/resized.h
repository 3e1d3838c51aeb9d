// A 3×3 convolution of a picture that is enlarged first, bilinearly with corners on corners, without the enlarged picture.
//
// Enlarging and convolving are linear, so channels can be mixed first, where the picture is small: for each of the nine taps a product
// with its part of the filter, then each result is enlarged, shifted by its tap, and added up.
#pragma once

#include "chunks.h"
#include "gemm.h"
#include "resize.h"

namespace man {
namespace MAN_ISA {
namespace resized {

constexpr int kTaps = 9;

/// Per row or column of the result: which two rows or columns of the small picture lie under each of the three taps.
struct Under {
  resizing::Between at[3];
  bool inside[3];  // the border of the enlarged picture is zero
};

MAN_INLINE Under underOf(int i, int from, int to) {
  Under u;
  for (int k = 0; k < 3; k++) {
    const int place = i + k - 1;
    u.inside[k] = place >= 0 && place < to;
    u.at[k] = resizing::between(u.inside[k] ? place : 0, from, to);
  }
  return u;
}

/// Floats of a pixel's nine mixtures, which lie one behind the other: vectors of one may reach into the next, whose lanes then mean
/// nothing on the way forward, and get zeros added on the way back.
MAN_INLINE int mixedPitch(int f) { return roundUp((kTaps - 1) * f + padded(f), kLanes); }

/// [c, tap, f] of a filter [tap, c, f], or [tap, f, padded(c)] for the way back.
static void arrangeFilters(const float* filter, int c, int f, bool back, float* to) {
  const int mixed = mixedPitch(f), cPitch = padded(c);
  memset(to, 0, sizeof(float) * mixed * (back ? cPitch : c));
  for (int t = 0; t < kTaps; t++)
    for (int i = 0; i < c; i++)
      for (int o = 0; o < f; o++) to[back ? (t * f + o) * cPitch + i : i * mixed + t * f + o] = filter[(t * c + i) * f + o];
}

/// One row of the result from the nine mixtures of every pixel: rows first, then columns.
static void gather(const float* mixed, int w, int f, int pitch, const Under& row, const Under* columns, int width, float* rows, float* to) {
  for (int j = 0; j < w; j++)
    for (int kx = 0; kx < 3; kx++)
      for (int c = 0; c < pitch; c += kLanes) {
        Vec sum{};
        for (int ky = 0; ky < 3; ky++) {
          if (!row.inside[ky]) continue;
          const int offset = j * mixedPitch(f) + (ky * 3 + kx) * f + c, line = w * mixedPitch(f);
          const Vec low = load(mixed + row.at[ky].low * line + offset), high = load(mixed + row.at[ky].high * line + offset);
          sum += low + (high - low) * row.at[ky].weight;
        }
        store(rows + (j * 3 + kx) * pitch + c, sum);
      }
  for (int x = 0; x < width; x++)
    for (int c = 0; c < pitch; c += kLanes) {
      Vec sum{};
      for (int kx = 0; kx < 3; kx++) {
        if (!columns[x].inside[kx]) continue;
        const resizing::Between& at = columns[x].at[kx];
        const Vec low = load(rows + (at.low * 3 + kx) * pitch + c), high = load(rows + (at.high * 3 + kx) * pitch + c);
        sum += low + (high - low) * at.weight;
      }
      store(to + x * pitch + c, sum);
    }
}

/// The transpose of `gather`: a row's gradient to those of the mixtures.
static void scatter(const float* from, int w, int f, int pitch, const Under& row, const Under* columns, int width, float* rows, float* mixed) {
  memset(rows, 0, sizeof(float) * w * 3 * pitch);
  for (int x = 0; x < width; x++)
    for (int kx = 0; kx < 3; kx++) {
      if (!columns[x].inside[kx]) continue;
      const resizing::Between& at = columns[x].at[kx];
      for (int c = 0; c < pitch; c += kLanes) {
        const Vec v = load(from + x * pitch + c), part = v * at.weight;
        float *low = rows + (at.low * 3 + kx) * pitch + c, *high = rows + (at.high * 3 + kx) * pitch + c;
        store(low, load(low) + (v - part));
        store(high, load(high) + part);
      }
    }
  for (int j = 0; j < w; j++)
    for (int ky = 0; ky < 3; ky++) {
      if (!row.inside[ky]) continue;
      const int line = w * mixedPitch(f);
      for (int kx = 0; kx < 3; kx++)
        for (int c = 0; c < pitch; c += kLanes) {
          const Vec v = load(rows + (j * 3 + kx) * pitch + c), part = v * row.at[ky].weight;
          const int offset = j * mixedPitch(f) + (ky * 3 + kx) * f + c;
          float *low = mixed + row.at[ky].low * line + offset, *high = mixed + row.at[ky].high * line + offset;
          store(low, load(low) + (v - part));
          store(high, load(high) + part);
        }
    }
}

}  // namespace resized

static void convolveResized(const Convolution& s, const Source& source, const float* filter, const Sink& sink, double* sums) {
  using namespace resized;
  const int pitch = padded(s.filters), deep = mixedPitch(s.filters), pixels = s.h * s.w, chunks = least(s.n, kMostChunks);
  float* filters = scratch(0, static_cast<size_t>(s.c) * deep);
  arrangeFilters(filter, s.c, s.filters, false, filters);
  Under* columns = reinterpret_cast<Under*>(scratch(4, sizeof(Under) / sizeof(float) * s.outWidth));
  for (int x = 0; x < s.outWidth; x++) columns[x] = underOf(x, s.w, s.outWidth);
  const Partial partial = partialOf(sink, chunks);
  eachChunk(chunks, s.n, [&](int chunk, int begin, int end) {
    const size_t pictureFloats = static_cast<size_t>(pixels) * padded(s.c), mixedFloats = static_cast<size_t>(pixels) * deep;
    const size_t rowFloats = static_cast<size_t>(s.w) * 3 * pitch, outFloats = static_cast<size_t>(s.outWidth) * pitch;
    float* picture = scratch(2, pictureFloats + mixedFloats + rowFloats + outFloats + Sums::floats(pitch));
    float *mixed = picture + pictureFloats, *rows = mixed + mixedFloats, *out = rows + rowFloats;
    Sums own(sink, pitch, out + outFloats, partial.of(chunk));
    for (int i = begin; i < end; i++) {
      copyPixels(source, static_cast<size_t>(i) * pixels, pixels, picture, padded(s.c));
      multiply<false>({picture, padded(s.c), 1}, {filters, deep}, kOneTap, s.c, mixed, deep, pixels, deep);
      own.begin();
      for (int y = 0; y < s.outHeight; y++) {
        gather(mixed, s.w, s.filters, pitch, underOf(y, s.h, s.outHeight), columns, s.outWidth, rows, out);
        storeRow(sink, i, y, s.outWidth, out, pitch, own);
      }
      own.end();
    }
  });
  finish(partial, sink, sums);
}

static void gradientResized(const ConvolveGradientCall& call, const Source& input, const Source& gradient, const Sink& sink) {
  using namespace resized;
  const Convolution& s = call.shape;
  const int cPitch = padded(s.c), pitch = padded(s.filters), deep = mixedPitch(s.filters), pixels = s.h * s.w, chunks = least(s.n, 16);
  float* filters = scratch(0, static_cast<size_t>(deep) * cPitch);
  if (call.dx) arrangeFilters(call.filter, s.c, s.filters, true, filters);
  Under* columns = reinterpret_cast<Under*>(scratch(4, sizeof(Under) / sizeof(float) * s.outWidth));
  for (int x = 0; x < s.outWidth; x++) columns[x] = underOf(x, s.w, s.outWidth);
  const size_t filterFloats = static_cast<size_t>(s.c) * deep;
  float* filterGradients = call.filterGradient ? scratch(3, chunks * filterFloats) : nullptr;
  const Partial partial = partialOf(sink, chunks);
  eachChunk(chunks, s.n, [&](int chunk, int begin, int end) {
    const size_t pictureFloats = static_cast<size_t>(pixels) * cPitch, mixedFloats = static_cast<size_t>(pixels) * deep;
    const size_t rowFloats = static_cast<size_t>(s.w) * 3 * pitch, outFloats = static_cast<size_t>(s.outWidth) * pitch;
    float* picture = scratch(2, pictureFloats + mixedFloats + rowFloats + outFloats + Sums::floats(cPitch));
    float *mixed = picture + pictureFloats, *rows = mixed + mixedFloats, *out = rows + rowFloats;
    Sums own(sink, cPitch, out + outFloats, partial.of(chunk));
    float* u = filterGradients ? filterGradients + chunk * filterFloats : nullptr;
    if (u) memset(u, 0, sizeof(float) * filterFloats);
    for (int i = begin; i < end; i++) {
      memset(mixed, 0, sizeof(float) * mixedFloats);
      for (int y = 0; y < s.outHeight; y++) {
        loadRow(gradient, i, y, 0, s.outWidth, out, pitch);
        scatter(out, s.w, s.filters, pitch, underOf(y, s.h, s.outHeight), columns, s.outWidth, rows, mixed);
      }
      if (u) {
        copyPixels(input, static_cast<size_t>(i) * pixels, pixels, picture, cPitch);
        multiply<true>({picture, 1, cPitch}, {mixed, deep}, kOneTap, pixels, u, deep, s.c, deep);
      }
      if (!call.dx) continue;
      multiply<false>({mixed, deep, 1}, {filters, cPitch}, kOneTap, kTaps * s.filters, picture, cPitch, pixels, cPitch);
      own.begin();
      for (int y = 0; y < s.h; y++) storeRow(sink, i, y, s.w, picture + y * s.w * cPitch, cPitch, own);
      own.end();
    }
  });
  finish(partial, sink, call.sums);
  if (!filterGradients) return;
  parallelFor(s.c, [&](int c) {
    for (int t = 0; t < kTaps; t++)
      for (int o = 0; o < s.filters; o += kLanes) {
        Vec sum{};
        for (int k = 0; k < chunks; k++) sum += load(filterGradients + k * filterFloats + static_cast<size_t>(c) * deep + t * s.filters + o);
        storeSome(call.filterGradient + (t * s.c + c) * s.filters + o, sum, least(kLanes, s.filters - o));
      }
  });
}

}  // namespace MAN_ISA
}  // namespace man
