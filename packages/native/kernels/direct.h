// Convolutions of any kernel size and stride, as products of rows of pixels with the filter, tap by tap.
#pragma once

#include "chunks.h"
#include "gemm.h"

namespace man {
namespace MAN_ISA {
namespace direct {

constexpr int kMostTaps = 256;  // 11×11 and more

/// Rows of output in a band, so that what they read stays in the cache.
MAN_INLINE int rowsOf(int rowFloats, int outRows) { return most(1, least(outRows, 8192 / most(1, rowFloats))); }

/// Bands of one picture's output rows.
struct Plan {
  int n, height, rows, perPicture;

  int bands() const { return n * perPicture; }
};

MAN_INLINE Plan planOf(int n, int height, int rows) { return {n, height, rows, (height + rows - 1) / rows}; }

/// [taps, in, padded(out)] of a filter [taps, in, out], or of its transpose [taps, out, in].
static void padFilters(const float* filter, int taps, int in, int out, bool transposed, float* to) {
  const int pitch = padded(out);
  for (int t = 0; t < taps; t++)
    for (int i = 0; i < in; i++, to += pitch)
      for (int o = 0; o < pitch; o++)
        to[o] = o >= out ? 0 : transposed ? filter[(t * out + o) * in + i] : filter[(t * in + i) * out + o];
}

/// What the output rows [first, first + rows) of a picture read: [(rows - 1) · stride + kernel, width, channels].
static void loadInput(const Convolution& s, const Source& from, int picture, int first, int rows, int width, float* to) {
  const int lines = (rows - 1) * s.stride + s.kernelHeight;
  for (int i = 0; i < lines; i++, to += width * from.c)
    loadRow(from, picture, first * s.stride - s.padding + i, -s.padding, width, to, from.c);
}

/// Taps of the rows of a kernel; the pixels of one row and their channels lie one behind the other.
struct KernelRows {
  int left[kMostTaps], right[kMostTaps];
};

}  // namespace direct

static void convolveDirect(const Convolution& s, const Source& source, const float* filter, const Sink& sink, double* sums) {
  using namespace direct;
  const int pitch = padded(s.filters), width = (s.outWidth - 1) * s.stride + s.kernelWidth, steps = s.kernelWidth * s.c;
  const Plan p = planOf(s.n, s.outHeight, rowsOf(s.stride * width * s.c, s.outHeight));
  const int chunks = least(p.bands(), kMostChunks);
  float* filters = scratch(0, static_cast<size_t>(s.kernelHeight) * steps * pitch);
  padFilters(filter, s.kernelHeight * s.kernelWidth, s.c, s.filters, false, filters);
  KernelRows kernel;
  for (int i = 0; i < s.kernelHeight; i++) kernel.left[i] = i * width * s.c, kernel.right[i] = i * steps * pitch;
  const Partial partial = partialOf(sink, chunks);
  eachChunk(chunks, p.bands(), [&](int chunk, int begin, int end) {
    const size_t pixelFloats = static_cast<size_t>((p.rows - 1) * s.stride + s.kernelHeight) * width * s.c;
    float* pixels = scratch(2, pixelFloats + static_cast<size_t>(s.outWidth) * pitch + Sums::floats(pitch));
    float* row = pixels + pixelFloats;
    Sums own(sink, pitch, row + s.outWidth * pitch, partial.of(chunk));
    for (int band = begin; band < end; band++) {
      const int picture = band / p.perPicture, first = band % p.perPicture * p.rows, rows = least(p.rows, p.height - first);
      loadInput(s, source, picture, first, rows, width, pixels);
      own.begin();
      for (int r = 0; r < rows; r++) {
        multiply<false>({pixels + r * s.stride * width * s.c, s.stride * s.c, 1}, {filters, pitch},
                        {s.kernelHeight, kernel.left, kernel.right}, steps, row, pitch, s.outWidth, pitch);
        storeRow(sink, picture, first + r, s.outWidth, row, pitch, own);
      }
      own.end();
    }
  });
  finish(partial, sink, sums);
}

/// Gradient of the input: row by row, and within a row the pixels that see the same taps of the kernel together.
static void inputGradientDirect(const Convolution& s, const Source& gradient, const float* filter, const Sink& sink, double* sums) {
  using namespace direct;
  const int pitch = padded(s.c), f = s.filters;
  // Columns and rows of the gradient that the pixels of a row, or a band of rows, can reach; negative ones are zero.
  const auto reach = [&](int pixel, int tap) { return (pixel + s.padding - tap + s.stride * kMostTaps) / s.stride - kMostTaps; };
  const int left = reach(0, s.kernelWidth - 1), width = reach(s.w - 1, 0) - left + 1;
  const Plan p = planOf(s.n, s.h, most(s.stride, rowsOf(width * f, s.h)));
  const int chunks = least(p.bands(), kMostChunks), lines = (p.rows - 1 + s.kernelHeight) / s.stride + 2;
  float* filters = scratch(0, static_cast<size_t>(s.kernelHeight) * s.kernelWidth * f * pitch);
  padFilters(filter, s.kernelHeight * s.kernelWidth, f, s.c, true, filters);
  const Partial partial = partialOf(sink, chunks);
  eachChunk(chunks, p.bands(), [&](int chunk, int begin, int end) {
    const size_t pixelFloats = static_cast<size_t>(lines) * width * f;
    float* pixels = scratch(2, pixelFloats + static_cast<size_t>(s.w) * pitch + Sums::floats(pitch));
    float* row = pixels + pixelFloats;
    Sums own(sink, pitch, row + s.w * pitch, partial.of(chunk));
    for (int band = begin; band < end; band++) {
      const int picture = band / p.perPicture, first = band % p.perPicture * p.rows, rows = least(p.rows, p.height - first);
      const int top = reach(first, s.kernelHeight - 1);
      for (int i = 0; i < lines; i++) loadRow(gradient, picture, top + i, left, width, pixels + i * width * f, f);
      own.begin();
      for (int y = first; y < first + rows; y++) {
        for (int phase = 0; phase < least(s.stride, s.w); phase++) {
          KernelRows taps;
          int count = 0;
          for (int i = 0; i < s.kernelHeight; i++)
            for (int j = 0; j < s.kernelWidth; j++) {
              if ((y + s.padding - i) % s.stride != 0 || (phase + s.padding - j) % s.stride != 0) continue;
              taps.left[count] = ((reach(y, i) - top) * width + reach(phase, j) - left) * f;
              taps.right[count++] = (i * s.kernelWidth + j) * f * pitch;
            }
          multiply<false>({pixels, f, 1}, {filters, pitch}, {count, taps.left, taps.right}, f, row + phase * pitch, s.stride * pitch,
                          (s.w - phase + s.stride - 1) / s.stride, pitch);
        }
        storeRow(sink, picture, y, s.w, row, pitch, own);
      }
      own.end();
    }
  });
  finish(partial, sink, sums);
}

/// Gradient of the filter: for each tap the products of all pixels that meet there.
static void filterGradientDirect(const Convolution& s, const Source& source, const Source& gradient, float* to) {
  using namespace direct;
  const int pitch = padded(s.filters), width = (s.outWidth - 1) * s.stride + s.kernelWidth, taps = s.kernelHeight * s.kernelWidth;
  const Plan p = planOf(s.n, s.outHeight, least(kMostTaps, rowsOf(s.stride * width * s.c, s.outHeight)));
  const size_t filterFloats = static_cast<size_t>(taps) * s.c * pitch;
  const int chunks = least(p.bands(), least(16, most(1, s.n * s.outHeight * s.outWidth / 1024)));
  float* partial = scratch(3, chunks * filterFloats);
  eachChunk(chunks, p.bands(), [&](int chunk, int begin, int end) {
    const size_t pixelFloats = static_cast<size_t>((p.rows - 1) * s.stride + s.kernelHeight) * width * s.c;
    float* pixels = scratch(2, pixelFloats + static_cast<size_t>(p.rows) * s.outWidth * pitch);
    float* rowsOfGradient = pixels + pixelFloats;
    float* own = partial + chunk * filterFloats;
    memset(own, 0, sizeof(float) * filterFloats);
    KernelRows lines;
    for (int r = 0; r < p.rows; r++) lines.left[r] = r * s.stride * width * s.c, lines.right[r] = r * s.outWidth * pitch;
    for (int band = begin; band < end; band++) {
      const int picture = band / p.perPicture, first = band % p.perPicture * p.rows, rows = least(p.rows, p.height - first);
      loadInput(s, source, picture, first, rows, width, pixels);
      for (int r = 0; r < rows; r++) loadRow(gradient, picture, first + r, 0, s.outWidth, rowsOfGradient + lines.right[r], pitch);
      for (int t = 0; t < taps; t++)
        multiply<true>({pixels + (t / s.kernelWidth * width + t % s.kernelWidth) * s.c, 1, s.stride * s.c}, {rowsOfGradient, pitch},
                       {rows, lines.left, lines.right}, s.outWidth, own + static_cast<size_t>(t) * s.c * pitch, pitch, s.c, pitch);
    }
  });
  parallelFor(taps, [&](int t) {
    for (int c = t * s.c; c < (t + 1) * s.c; c++)
      for (int o = 0; o < s.filters; o += kLanes) {
        Vec sum{};
        for (int k = 0; k < chunks; k++) sum += load(partial + k * filterFloats + static_cast<size_t>(c) * pitch + o);
        storeSome(to + static_cast<size_t>(c) * s.filters + o, sum, least(kLanes, s.filters - o));
      }
  });
}

}  // namespace MAN_ISA
}  // namespace man
