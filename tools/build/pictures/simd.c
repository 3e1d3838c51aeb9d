/*
 * The parts of libjpeg-turbo's decoder that take longest, in WebAssembly's vector instructions: inverse DCT, upsampling by two in both
 * directions, YCbCr to RGB. Each gives the bytes that the library's own C code gives for data that an encoder can have made.
 *
 * They stand in for the functions of the same name in jsimd_none.c, which say that there are none.
 */
#define JPEG_INTERNALS
#include <wasm_simd128.h>

#include "jinclude.h"
#include "jpeglib.h"
#include "jsimd.h"
#include "jdct.h"
#include "jsimddct.h"

#define PAIR(a, b) wasm_i16x8_const(a, b, a, b, a, b, a, b)
#define LOW(a, b) wasm_i16x8_shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH(a, b) wasm_i16x8_shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define DOT(pairs, a, b) wasm_i32x4_dot_i16x8(pairs, PAIR(a, b))

/* ---- Inverse DCT: jidctint.c, whose constants are of 13 bits, with products of two numbers and their sum in one instruction ---- */

/* Four of eight lines. in: pairs of d0 d4, d2 d6, d7 d1, d5 d3, and d7+d3 d5+d1. */
static inline void four(v128_t d04, v128_t d26, v128_t d71, v128_t d53, v128_t z34, v128_t round, int shift, v128_t out[8]) {
  v128_t a = wasm_i32x4_add(DOT(d04, 8192, 8192), round);
  v128_t b = wasm_i32x4_add(DOT(d04, 8192, -8192), round);
  v128_t c = DOT(d26, 10703, 4433);
  v128_t d = DOT(d26, 4433, -10704);
  v128_t z3 = DOT(z34, -6436, 9633);
  v128_t z4 = DOT(z34, 9633, 6437);
  v128_t even[4] = {wasm_i32x4_add(a, c), wasm_i32x4_add(b, d), wasm_i32x4_sub(b, d), wasm_i32x4_sub(a, c)};
  v128_t odd[4] = {
      wasm_i32x4_add(DOT(d71, -7373, 4926), z4),
      wasm_i32x4_add(DOT(d53, -20995, 4177), z3),
      wasm_i32x4_add(DOT(d53, -4176, -20995), z4),
      wasm_i32x4_add(DOT(d71, -4927, -7373), z3),
  };
  for (int i = 0; i < 4; i++) {
    out[i] = wasm_i32x4_shr(wasm_i32x4_add(even[i], odd[i]), shift);
    out[7 - i] = wasm_i32x4_shr(wasm_i32x4_sub(even[i], odd[i]), shift);
  }
}

/* One dimension, eight lines at once: d[i] has the i-th number of each. */
static inline void transform(v128_t d[8], int shift) {
  v128_t round = wasm_i32x4_splat(1 << (shift - 1));
  v128_t z3 = wasm_i16x8_add(d[7], d[3]);
  v128_t z4 = wasm_i16x8_add(d[5], d[1]);
  v128_t low[8], high[8];
  four(LOW(d[0], d[4]), LOW(d[2], d[6]), LOW(d[7], d[1]), LOW(d[5], d[3]), LOW(z3, z4), round, shift, low);
  four(HIGH(d[0], d[4]), HIGH(d[2], d[6]), HIGH(d[7], d[1]), HIGH(d[5], d[3]), HIGH(z3, z4), round, shift, high);
  for (int i = 0; i < 8; i++) d[i] = wasm_i16x8_narrow_i32x4(low[i], high[i]);
}

static inline void transpose(v128_t d[8]) {
  v128_t a[8], b[8];
  for (int i = 0; i < 4; i++) {
    a[2 * i] = LOW(d[i], d[i + 4]);
    a[2 * i + 1] = HIGH(d[i], d[i + 4]);
  }
  for (int i = 0; i < 4; i++) {
    b[2 * i] = LOW(a[i], a[i + 4]);
    b[2 * i + 1] = HIGH(a[i], a[i + 4]);
  }
  for (int i = 0; i < 4; i++) {
    d[2 * i] = LOW(b[i], b[i + 4]);
    d[2 * i + 1] = HIGH(b[i], b[i + 4]);
  }
}

GLOBAL(int) jsimd_can_idct_islow(void) { return sizeof(ISLOW_MULT_TYPE) == 2; }

GLOBAL(void)
jsimd_idct_islow(j_decompress_ptr cinfo, jpeg_component_info *compptr, JCOEFPTR block, JSAMPARRAY output, JDIMENSION column) {
  const short *steps = compptr->dct_table;
  v128_t d[8];
  v128_t rest = wasm_i16x8_make(0, 0, 0, 0, 0, 0, 0, 0);
  for (int i = 0; i < 8; i++) {
    v128_t row = wasm_v128_load(block + 8 * i);
    rest = wasm_v128_or(rest, i == 0 ? wasm_i16x8_replace_lane(row, 0, 0) : row);
    d[i] = wasm_i16x8_mul(row, wasm_v128_load(steps + 8 * i));
  }
  if (!wasm_v128_any_true(rest)) {
    /* One colour: what comes out below, too. */
    int level = ((short)(block[0] * steps[0]) + 4) >> 3;
    v128_t all = wasm_i8x16_splat((level < -128 ? -128 : level > 127 ? 127 : level) ^ -128);
    for (int i = 0; i < 8; i++) wasm_v128_store64_lane(output[i] + column, all, 0);
    return;
  }
  transform(d, 11);
  transpose(d);
  transform(d, 18);
  transpose(d);
  for (int i = 0; i < 8; i += 2) {
    v128_t rows = wasm_v128_xor(wasm_i8x16_narrow_i16x8(d[i], d[i + 1]), wasm_i8x16_splat(-128));
    wasm_v128_store64_lane(output[i] + column, rows, 0);
    wasm_v128_store64_lane(output[i + 1] + column, rows, 1);
  }
}

/* ---- Upsampling: jdsample.c ---- */

GLOBAL(int) jsimd_can_h2v2_fancy_upsample(void) { return 1; }

/* Three quarters of the nearer row and one of the farther, times four. */
static inline int sum_at(const JSAMPLE *near, const JSAMPLE *far, JDIMENSION i) { return 3 * near[i] + far[i]; }

static inline v128_t sums_at(const JSAMPLE *near, const JSAMPLE *far) {
  v128_t n = wasm_u16x8_load8x8(near);
  return wasm_i16x8_add(wasm_i16x8_add(n, wasm_i16x8_shl(n, 1)), wasm_u16x8_load8x8(far));
}

static void upsample_row(const JSAMPLE *near, const JSAMPLE *far, JSAMPLE *out, JDIMENSION width) {
  JDIMENSION i = 1;
  out[0] = (sum_at(near, far, 0) * 4 + 8) >> 4;
  out[1] = (sum_at(near, far, 0) * 3 + sum_at(near, far, 1) + 7) >> 4;
  for (; i + 9 <= width; i += 8) {
    v128_t sum = sums_at(near + i, far + i);
    v128_t thrice = wasm_i16x8_add(sum, wasm_i16x8_shl(sum, 1));
    v128_t left = wasm_i16x8_add(thrice, wasm_i16x8_add(sums_at(near + i - 1, far + i - 1), wasm_i16x8_splat(8)));
    v128_t right = wasm_i16x8_add(thrice, wasm_i16x8_add(sums_at(near + i + 1, far + i + 1), wasm_i16x8_splat(7)));
    /* Each pair is two bytes of one number of 16 bits. */
    v128_t both = wasm_v128_or(wasm_u16x8_shr(left, 4), wasm_i16x8_shl(wasm_u16x8_shr(right, 4), 8));
    wasm_v128_store(out + 2 * i, both);
  }
  for (; i + 1 < width; i++) {
    int sum = sum_at(near, far, i);
    out[2 * i] = (sum * 3 + sum_at(near, far, i - 1) + 8) >> 4;
    out[2 * i + 1] = (sum * 3 + sum_at(near, far, i + 1) + 7) >> 4;
  }
  out[2 * i] = (sum_at(near, far, i) * 3 + sum_at(near, far, i - 1) + 8) >> 4;
  out[2 * i + 1] = (sum_at(near, far, i) * 4 + 7) >> 4;
}

GLOBAL(void)
jsimd_h2v2_fancy_upsample(j_decompress_ptr cinfo, jpeg_component_info *compptr, JSAMPARRAY input, JSAMPARRAY *output) {
  for (int row = 0; 2 * row < cinfo->max_v_samp_factor; row++) {
    upsample_row(input[row], input[row - 1], (*output)[2 * row], compptr->downsampled_width);
    upsample_row(input[row], input[row + 1], (*output)[2 * row + 1], compptr->downsampled_width);
  }
}

/* ---- Colours: jdcolor.c, whose constants are of 16 bits; what they have beyond a half is added as a whole ---- */

GLOBAL(int) jsimd_can_ycc_rgb(void) { return 1; }

/* (a * x + b * y + 1/2) >> 16 of pairs x, y. */
#define SHARE(x, y, a, b)                                                                               \
  wasm_i16x8_narrow_i32x4(wasm_i32x4_shr(wasm_i32x4_add(DOT(LOW(x, y), a, b), wasm_i32x4_splat(32768)), 16), \
                          wasm_i32x4_shr(wasm_i32x4_add(DOT(HIGH(x, y), a, b), wasm_i32x4_splat(32768)), 16))

static inline void colours(v128_t y, v128_t cb, v128_t cr, v128_t rgb[3]) {
  v128_t blue = wasm_i16x8_sub(cb, wasm_i16x8_splat(128));
  v128_t red = wasm_i16x8_sub(cr, wasm_i16x8_splat(128));
  rgb[0] = wasm_i16x8_add(wasm_i16x8_add(y, red), SHARE(red, blue, 26345, 0));
  rgb[1] = wasm_i16x8_add(wasm_i16x8_sub(y, red), SHARE(red, blue, 18734, -22554));
  rgb[2] = wasm_i16x8_add(wasm_i16x8_add(y, wasm_i16x8_shl(blue, 1)), SHARE(red, blue, 0, -14942));
}

static inline JSAMPLE clamped(int value) { return value < 0 ? 0 : value > 255 ? 255 : value; }

GLOBAL(void)
jsimd_ycc_rgb_convert(j_decompress_ptr cinfo, JSAMPIMAGE input, JDIMENSION row, JSAMPARRAY output, int rows) {
  for (; rows > 0; rows--, row++, output++) {
    const JSAMPLE *y = input[0][row], *cb = input[1][row], *cr = input[2][row];
    JSAMPLE *out = *output;
    JDIMENSION width = cinfo->output_width, i = 0;
    for (; i + 16 <= width; i += 16) {
      v128_t low[3], high[3], c[3];
      colours(wasm_u16x8_load8x8(y + i), wasm_u16x8_load8x8(cb + i), wasm_u16x8_load8x8(cr + i), low);
      colours(wasm_u16x8_load8x8(y + i + 8), wasm_u16x8_load8x8(cb + i + 8), wasm_u16x8_load8x8(cr + i + 8), high);
      for (int k = 0; k < 3; k++) c[k] = wasm_u8x16_narrow_i16x8(low[k], high[k]);
      v128_t first = wasm_i8x16_shuffle(c[0], c[1], 0, 16, 0, 1, 17, 0, 2, 18, 0, 3, 19, 0, 4, 20, 0, 5);
      v128_t second = wasm_i8x16_shuffle(c[0], c[1], 21, 0, 6, 22, 0, 7, 23, 0, 8, 24, 0, 9, 25, 0, 10, 26);
      v128_t third = wasm_i8x16_shuffle(c[0], c[1], 0, 11, 27, 0, 12, 28, 0, 13, 29, 0, 14, 30, 0, 15, 31, 0);
      wasm_v128_store(out, wasm_i8x16_shuffle(first, c[2], 0, 1, 16, 3, 4, 17, 6, 7, 18, 9, 10, 19, 12, 13, 20, 15));
      wasm_v128_store(out + 16, wasm_i8x16_shuffle(second, c[2], 0, 21, 2, 3, 22, 5, 6, 23, 8, 9, 24, 11, 12, 25, 14, 15));
      wasm_v128_store(out + 32, wasm_i8x16_shuffle(third, c[2], 26, 1, 2, 27, 4, 5, 28, 7, 8, 29, 10, 11, 30, 13, 14, 31));
      out += 48;
    }
    for (; i < width; i++, out += 3) {
      int blue = cb[i] - 128, red = cr[i] - 128;
      out[0] = clamped(y[i] + ((91881 * red + 32768) >> 16));
      out[1] = clamped(y[i] + ((-22554 * blue - 46802 * red + 32768) >> 16));
      out[2] = clamped(y[i] + ((116130 * blue + 32768) >> 16));
    }
  }
}
