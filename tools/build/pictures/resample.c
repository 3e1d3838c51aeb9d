/*
 * Pillow's resampling of 8-bit RGB pictures, and their scaling to numbers, in WebAssembly's vector instructions: what
 * packages/data/src/resample.ts calls.
 *
 * Weights are fixed-point numbers with 22 bits behind the point. Each pass adds one half and shifts, as Pillow does, so the results are
 * the same numbers. Reads and writes go up to 16 bytes beyond the last pixel.
 */
#include <stdint.h>
#include <wasm_simd128.h>

#define HALF (1 << 21)
#define POINT 22
/* Weights of the horizontal pass come as two halves of so many bits, for two taps in one instruction. */
#define PART 11

/*
 * Rows of pixels to rows of `width` pixels. starts: byte offset of each output pixel's first input pixel within its row; pairs: how many
 * pairs of taps it has; weights: of each pair the lower halves of both weights, then the upper ones, `taps` pairs for each output pixel.
 */
void horizontal(const uint8_t *source, uint32_t stride, uint32_t rows, const uint32_t *starts, const uint32_t *pairs, const int32_t *weights,
                uint32_t taps, uint32_t width, uint8_t *target) {
  /* Two pixels, as pairs of 16 bits: their reds, greens, blues. */
  const v128_t order = wasm_i8x16_const(0, 16, 3, 16, 1, 16, 4, 16, 2, 16, 5, 16, 16, 16, 16, 16);
  for (; rows > 0; rows--, source += stride) {
    const int32_t *all = weights;
    for (uint32_t x = 0; x < width; x++, all += 2 * taps, target += 3) {
      const uint8_t *pixel = source + starts[x];
      const int32_t *weight = all;
      v128_t low = wasm_i32x4_const(HALF, HALF, HALF, HALF), high = wasm_i32x4_const(0, 0, 0, 0);
      for (uint32_t pair = pairs[x]; pair > 0; pair--, pixel += 6, weight += 2) {
        v128_t both = wasm_i8x16_swizzle(wasm_v128_load64_zero(pixel), order);
        low = wasm_i32x4_add(low, wasm_i32x4_dot_i16x8(both, wasm_v128_load32_splat(weight)));
        high = wasm_i32x4_add(high, wasm_i32x4_dot_i16x8(both, wasm_v128_load32_splat(weight + 1)));
      }
      v128_t sum = wasm_i32x4_shr(wasm_i32x4_add(low, wasm_i32x4_shl(high, PART)), POINT);
      v128_t words = wasm_i16x8_narrow_i32x4(sum, sum);
      wasm_v128_store32_lane(target, wasm_u8x16_narrow_i16x8(words, words), 0);
    }
  }
}

/*
 * Rows of which `length` bytes are used, `stride` bytes apart, to `height` rows. starts: byte offset of each output row's first input row;
 * counts: how many it takes; weights: `taps` for each output row.
 */
void vertical(const uint8_t *source, uint32_t stride, uint32_t length, const uint32_t *starts, const uint32_t *counts, const int32_t *weights,
              uint32_t taps, uint32_t height, uint8_t *target) {
  const v128_t half = wasm_i32x4_const(HALF, HALF, HALF, HALF);
  for (uint32_t y = 0; y < height; y++, weights += taps, target += length) {
    for (uint32_t i = 0; i < length; i += 8) {
      const uint8_t *bytes = source + starts[y] + i;
      v128_t low = half, high = half;
      for (uint32_t tap = 0; tap < counts[y]; tap++, bytes += stride) {
        v128_t words = wasm_u16x8_load8x8(bytes), weight = wasm_i32x4_splat(weights[tap]);
        low = wasm_i32x4_add(low, wasm_i32x4_mul(wasm_u32x4_extend_low_u16x8(words), weight));
        high = wasm_i32x4_add(high, wasm_i32x4_mul(wasm_u32x4_extend_high_u16x8(words), weight));
      }
      v128_t words = wasm_i16x8_narrow_i32x4(wasm_i32x4_shr(low, POINT), wasm_i32x4_shr(high, POINT));
      wasm_v128_store64_lane(target + i, wasm_u8x16_narrow_i16x8(words, words), 0);
    }
  }
}

static inline v128_t scaled(v128_t bytes, const float *mean, const float *deviation) {
  v128_t unit = wasm_f32x4_div(wasm_f32x4_convert_i32x4(bytes), wasm_f32x4_const(255, 255, 255, 255));
  return wasm_f32x4_div(wasm_f32x4_sub(unit, wasm_v128_load(mean)), wasm_v128_load(deviation));
}

/*
 * Rows of `width` pixels, mirrored or not, to (value / 255 - mean) / deviation in the steps and roundings of float32. constants: twelve
 * means, red, green, blue and again; then twelve deviations.
 */
void normalise(const uint8_t *source, uint32_t width, uint32_t rows, int mirrored, const float *constants, float *target) {
  const v128_t backwards = wasm_i8x16_const(9, 10, 11, 6, 7, 8, 3, 4, 5, 0, 1, 2, 16, 16, 16, 16);
  const float *deviation = constants + 12;
  for (; rows > 0; rows--, source += 3 * width) {
    uint32_t x = 0;
    for (; x + 4 <= width; x += 4, target += 12) {
      v128_t bytes = wasm_v128_load(source + 3 * (mirrored ? width - 4 - x : x));
      if (mirrored) bytes = wasm_i8x16_swizzle(bytes, backwards);
      v128_t low = wasm_u16x8_extend_low_u8x16(bytes), high = wasm_u16x8_extend_high_u8x16(bytes);
      wasm_v128_store(target, scaled(wasm_u32x4_extend_low_u16x8(low), constants, deviation));
      wasm_v128_store(target + 4, scaled(wasm_u32x4_extend_high_u16x8(low), constants + 4, deviation + 4));
      wasm_v128_store(target + 8, scaled(wasm_u32x4_extend_low_u16x8(high), constants + 8, deviation + 8));
    }
    for (; x < width; x++, target += 3) {
      const uint8_t *pixel = source + 3 * (mirrored ? width - 1 - x : x);
      for (int c = 0; c < 3; c++) target[c] = (pixel[c] / 255.0f - constants[c]) / deviation[c];
    }
  }
}
