// Vectors of the widest kind that the instruction set of this compilation has, and the few operations the kernels need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

// Lanes may be set from outside, to test wide vectors where the processor has none.
#if defined(MAN_LANES)
#elif defined(__AVX512F__)
#define MAN_LANES 16
#elif defined(__AVX2__)
#define MAN_LANES 8
#else
#define MAN_LANES 4
#endif

#define MAN_INLINE static inline __attribute__((always_inline))
#define MAN_MEMBER inline __attribute__((always_inline))

namespace man {
namespace MAN_ISA {

constexpr int kLanes = MAN_LANES;

typedef float Vec __attribute__((vector_size(4 * MAN_LANES), aligned(4), may_alias));
typedef int32_t Ints __attribute__((vector_size(4 * MAN_LANES), aligned(4), may_alias));

MAN_INLINE Vec load(const float* from) { return *reinterpret_cast<const Vec*>(from); }
MAN_INLINE void store(float* to, Vec v) { *reinterpret_cast<Vec*>(to) = v; }
MAN_INLINE Vec splat(float x) { return x - Vec{}; }

/// The first `count` < kLanes lanes from memory, zeros behind; nothing beyond is touched.
MAN_INLINE Vec loadSome(const float* from, int count) {
#if defined(__AVX512F__) && MAN_LANES == 16
  return (Vec)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), from);
#elif defined(__AVX2__) && MAN_LANES == 8
  static const int32_t masks[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  return (Vec)_mm256_maskload_ps(from, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(masks + 8 - count)));
#else
  Vec v{};
  for (int i = 0; i < count; i++) v[i] = from[i];
  return v;
#endif
}

MAN_INLINE void storeSome(float* to, Vec v, int count) {
#if defined(__AVX512F__) && MAN_LANES == 16
  _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1u << count) - 1), (__m512)v);
#else
  // Masked stores are slow on many processors: pieces of 32, 16, 8 and 4 bytes.
  float all[kLanes];
  store(all, v);
  const float* rest = all;
  const auto piece = [&](int floats) __attribute__((always_inline)) {
    if (!(count & floats)) return;
    __builtin_memcpy(to, rest, 4 * floats);
    to += floats;
    rest += floats;
  };
  if (kLanes >= 16) piece(16);
  if (kLanes >= 8) piece(8);
  piece(4);
  piece(2);
  piece(1);
#endif
}

// Comparisons are written so that NaN passes: a run must not lose the sign that it has diverged.
MAN_INLINE Vec rectified(Vec v) { return v < Vec{} ? Vec{} : v; }
MAN_INLINE Vec whereAbove(Vec condition, Vec v) { return condition <= Vec{} ? Vec{} : v; }

constexpr int roundUp(int value, int multiple) { return (value + multiple - 1) / multiple * multiple; }
constexpr int padded(int channels) { return roundUp(channels, kLanes); }
MAN_INLINE int least(int a, int b) { return a < b ? a : b; }
MAN_INLINE int most(int a, int b) { return a > b ? a : b; }

}  // namespace MAN_ISA
}  // namespace man
