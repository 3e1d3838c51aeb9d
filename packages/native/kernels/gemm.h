// Products of small matrices that stay in the cache: D (+)= Σ over taps of A · B, vectors along B's rows.
#pragma once

#include "simd.h"

namespace man {
namespace MAN_ISA {

/// Where A's elements are: row r, step k at data[r * row + k * step], moved by a tap's offset.
struct Left {
  const float* data;
  int row;
  int step;
};

/// Rows of a multiple of kLanes floats; step k of tap t begins at data[offset(t) + k * pitch].
struct Right {
  const float* data;
  int pitch;
};

/// Pairs of places in A and B whose products are summed.
struct Taps {
  int count;
  const int* left;
  const int* right;
};

constexpr int kNoOffset[1] = {0};
constexpr Taps kOneTap = {1, kNoOffset, kNoOffset};

template <int Rows, int Vectors, bool Adds>
MAN_INLINE void tile(const Left& a, const Right& b, const Taps& taps, int steps, float* d, int pitch) {
  // Everything is unrolled, so that the sums stay in registers.
  Vec sum[Rows][Vectors];
#pragma GCC unroll 16
  for (int r = 0; r < Rows; r++)
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; v++) sum[r][v] = Adds ? load(d + r * pitch + v * kLanes) : Vec{};
  for (int t = 0; t < taps.count; t++) {
    const float* left = a.data + taps.left[t];
    const float* right = b.data + taps.right[t];
    for (int k = 0; k < steps; k++, left += a.step, right += b.pitch) {
      Vec row[Vectors];
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; v++) row[v] = load(right + v * kLanes);
#pragma GCC unroll 16
      for (int r = 0; r < Rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; v++) sum[r][v] += left[r * a.row] * row[v];
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < Rows; r++)
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; v++) store(d + r * pitch + v * kLanes, sum[r][v]);
}

/// All rows of one column of vectors: tiles of the height that keeps the multipliers busy, then smaller ones.
template <int Vectors, bool Adds>
MAN_INLINE void column(const Left& a, const Right& b, const Taps& taps, int steps, float* d, int pitch, int rows) {
  constexpr int kTall = Vectors == 1 || kLanes == 16 ? 8 : 6;
  const auto from = [&](int r) { return Left{a.data + r * a.row, a.row, a.step}; };
  int r = 0;
  // Eight as two of four instead of six and two.
  for (; rows - r >= kTall && rows - r != 8; r += kTall) tile<kTall, Vectors, Adds>(from(r), b, taps, steps, d + r * pitch, pitch);
  if (kTall == 8 && rows - r == 8) return tile<8, Vectors, Adds>(from(r), b, taps, steps, d + r * pitch, pitch);
  for (; rows - r >= 4; r += 4) tile<4, Vectors, Adds>(from(r), b, taps, steps, d + r * pitch, pitch);
  if (rows - r == 3) tile<3, Vectors, Adds>(from(r), b, taps, steps, d + r * pitch, pitch);
  if (rows - r == 2) tile<2, Vectors, Adds>(from(r), b, taps, steps, d + r * pitch, pitch);
  if (rows - r == 1) tile<1, Vectors, Adds>(from(r), b, taps, steps, d + r * pitch, pitch);
}

/// D of `rows` × `columns` (a multiple of kLanes), with `steps` products for each tap.
template <bool Adds>
static void multiply(const Left& a, const Right& b, const Taps& taps, int steps, float* d, int pitch, int rows, int columns) {
  int c = 0;
  for (; c + 2 * kLanes <= columns; c += 2 * kLanes)
    column<2, Adds>(a, {b.data + c, b.pitch}, taps, steps, d + c, pitch, rows);
  if (c < columns) column<1, Adds>(a, {b.data + c, b.pitch}, taps, steps, d + c, pitch, rows);
}

}  // namespace MAN_ISA
}  // namespace man
