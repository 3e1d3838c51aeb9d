// Operations on one number after the other.
#pragma once

#include "parallel.h"
#include "simd.h"

namespace man {
namespace MAN_ISA {

/// eˣ for x ≤ 0, to the last digit or so (Cephes' polynomial); NaN stays.
MAN_INLINE Vec exponential(Vec x) {
  x = x < splat(-87.f) ? splat(-87.f) : x;
  const Vec scaled = x * 1.44269504f;
  const Ints whole = __builtin_convertvector(scaled - 0.5f, Ints);  // towards zero: rounds, since scaled ≤ 0
  const Vec n = __builtin_convertvector(whole, Vec);
  const Vec r = x - n * 0.693359375f + n * 2.12194440e-4f;
  Vec p = splat(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.f;
  const Ints bits = (whole + 127) << 23;
  Vec power;
  memcpy(&power, &bits, sizeof power);
  return p * power;
}

/// log(1 + u) for 0 ≤ u ≤ 1: the series of 2·artanh(u / (2 + u)).
MAN_INLINE Vec logarithm(Vec u) {
  const Vec s = u / (u + 2.f), z = s * s;
  Vec p = splat(1.f / 13);
  p = p * z + 1.f / 11;
  p = p * z + 1.f / 9;
  p = p * z + 1.f / 7;
  p = p * z + 1.f / 5;
  p = p * z + 1.f / 3;
  return 2.f * (s + s * z * p);
}

static double sigmoidCrossEntropy(size_t size, const float* logits, const float* targets, float* gradient) {
  constexpr int kPart = 8192;
  const int parts = static_cast<int>((size + kPart - 1) / kPart);
  double* partial = reinterpret_cast<double*>(scratch(1, static_cast<size_t>(2) * (parts + 1)));
  const float each = 1.f / static_cast<float>(size);
  parallelFor(parts, [&](int part) {
    const size_t first = static_cast<size_t>(part) * kPart;
    const int count = size - first < kPart ? static_cast<int>(size - first) : kPart;
    double total = 0;
    const auto one = [&](Vec x, Vec t, Vec& slope) {
      const Vec e = exponential(x < Vec{} ? x : -x), inverse = 1.f / (1.f + e);
      slope = ((x < Vec{} ? e * inverse : inverse) - t) * each;
      return rectified(x) - x * t + logarithm(e);
    };
    int i = 0;
    for (; i + 32 * kLanes <= count; i += 32 * kLanes) {
      Vec sum{};
      for (int j = i; j < i + 32 * kLanes; j += kLanes) {
        Vec slope;
        sum += one(load(logits + first + j), load(targets + first + j), slope);
        store(gradient + first + j, slope);
      }
      for (int l = 0; l < kLanes; l++) total += sum[l];
    }
    for (; i < count; i += kLanes) {
      const int some = kLanes < count - i ? kLanes : count - i;
      Vec slope;
      const Vec loss = one(loadSome(logits + first + i, some), loadSome(targets + first + i, some), slope);
      storeSome(gradient + first + i, slope, some);
      for (int l = 0; l < some; l++) total += loss[l];
    }
    partial[part] = total;
  });
  double total = 0;
  for (int i = 0; i < parts; i++) total += partial[i];
  return total / static_cast<double>(size);
}

/// y = a + b, or a · factor where there is no b.
static void combine(size_t size, const float* a, const float* b, float factor, float* y) {
  constexpr size_t kPart = 1 << 15;
  parallelFor(static_cast<int>((size + kPart - 1) / kPart), [&](int part) {
    const size_t first = part * kPart, end = size - first < kPart ? size : first + kPart;
    size_t i = first;
    for (; i + kLanes <= end; i += kLanes) store(y + i, b ? load(a + i) + load(b + i) : load(a + i) * factor);
    for (; i < end; i++) y[i] = b ? a[i] + b[i] : a[i] * factor;
  });
}

/// Σ over rows, per column.
static void columnSums(size_t rows, int columns, const float* x, float* sums) {
  double* total = reinterpret_cast<double*>(scratch(1, static_cast<size_t>(2) * columns));
  memset(total, 0, sizeof(double) * columns);
  for (size_t r = 0; r < rows; r++)
    for (int c = 0; c < columns; c++) total[c] += x[r * columns + c];
  for (int c = 0; c < columns; c++) sums[c] = static_cast<float>(total[c]);
}

}  // namespace MAN_ISA
}  // namespace man
