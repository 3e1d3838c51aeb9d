#!/usr/bin/env bash
# Compiles packages/data/src/pictures.wasm from libjpeg-turbo 2.1.5 (Debian 12: apt-get install emscripten; apt-get source libjpeg-turbo):
#   tools/build/jpeg/build.sh <libjpeg-turbo_2.1.5.orig.tar.gz>
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
out="$here/../../../packages/data/src/pictures.wasm"
echo "254f3642b04e309fee775123133c6464181addc150499561020312ec61c1bf7c  $1" | sha256sum --check --quiet
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
tar -xzf "$1" -C "$work" --strip-components=1
# Colour tables for screens of 256 colours, and what merges upsampling with conversion at the cost of accuracy, are not used.
sed -i 's/^#define \(QUANT_1PASS_SUPPORTED\|QUANT_2PASS_SUPPORTED\|UPSAMPLE_MERGING_SUPPORTED\|IDCT_SCALING_SUPPORTED\|DCT_IFAST_SUPPORTED\|DCT_FLOAT_SUPPORTED\).*//' "$work/jmorecfg.h"
# Functions that simd.c has; and 64 bits of Huffman codes at once, as on processors that have numbers of 64 bits and pointers of 32.
sed -i 's/^jsimd_\(can_\)\?\(idct_islow\|ycc_rgb\|h2v2_fancy_upsample\)\(_convert\)\?(/none_&/' "$work/jsimd_none.c"
sed -i 's/^#elif defined(__x86_64__) && defined(__ILP32__)/#elif defined(__wasm__)/' "$work/jdhuff.h"
cp "$here"/*.h "$here"/*.c "$work"
cd "$work"
sources=(decoder.c resample.c simd.c jsimd_none.c)
for name in jcomapi jdapimin jdapistd jdatasrc jdcoefct jdcolor jddctmgr jdhuff jdinput jdmainct jdmarker jdmaster jdphuff jdpostct jdsample jerror jidctint jmemmgr jmemnobs jutils; do
  sources+=("$name.c")
done
emcc -O3 -flto -msimd128 -DMULTIPLIER=short -I. "${sources[@]}" -o pictures.wasm -sSTANDALONE_WASM --no-entry -sMALLOC=emmalloc -sTOTAL_STACK=256kb -sINITIAL_MEMORY=2mb \
  -sALLOW_MEMORY_GROWTH=1 -sMAXIMUM_MEMORY=1gb -sERROR_ON_UNDEFINED_SYMBOLS=0 \
  -sEXPORTED_FUNCTIONS=_room_for,_work_for,_horizontal,_vertical,_normalise,_open_picture,_picture_width,_picture_height,_decode_part,_part_left,_part_width
cp pictures.wasm "$out"
sha256sum pictures.wasm
