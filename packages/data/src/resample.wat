;; Pillow's resampling of 8-bit RGB pictures, four or eight numbers at a time.
;;
;; Weights are fixed-point numbers with 22 bits behind the point. Each pass adds one half and shifts, as Pillow does, so the
;; results are the same numbers. Reads and writes go up to 8 bytes beyond the last pixel.
(module
  (memory (export "memory") 1)

  ;; Rows of pixels to rows of `width` pixels. starts: byte offset of each output pixel's first input pixel within its row.
  (func (export "horizontal")
    (param $source i32) (param $stride i32) (param $rows i32)
    (param $starts i32) (param $counts i32) (param $weights i32) (param $taps i32)
    (param $width i32) (param $target i32)
    (local $x i32) (local $p i32) (local $w i32) (local $end i32) (local $row_weights i32) (local $sum v128)
    (loop $each_row
      (local.set $x (i32.const 0))
      (local.set $row_weights (local.get $weights))
      (loop $each_pixel
        (local.set $p (i32.add (local.get $source) (i32.load (i32.add (local.get $starts) (local.get $x)))))
        (local.set $w (local.get $row_weights))
        (local.set $end (i32.add (local.get $w) (i32.shl (i32.load (i32.add (local.get $counts) (local.get $x))) (i32.const 2))))
        (local.set $sum (v128.const i32x4 0x200000 0x200000 0x200000 0x200000))
        (loop $each_tap
          (local.set $sum
            (i32x4.add
              (local.get $sum)
              (i32x4.mul
                (i32x4.extend_low_i16x8_u (i16x8.extend_low_i8x16_u (v128.load32_zero (local.get $p))))
                (v128.load32_splat (local.get $w)))))
          (local.set $p (i32.add (local.get $p) (i32.const 3)))
          (local.set $w (i32.add (local.get $w) (i32.const 4)))
          (br_if $each_tap (i32.lt_u (local.get $w) (local.get $end))))
        (local.set $sum (i32x4.shr_u (local.get $sum) (i32.const 22)))
        (local.set $sum (i16x8.narrow_i32x4_s (local.get $sum) (local.get $sum)))
        (v128.store32_lane 0 (local.get $target) (i8x16.narrow_i16x8_u (local.get $sum) (local.get $sum)))
        (local.set $target (i32.add (local.get $target) (i32.const 3)))
        (local.set $row_weights (i32.add (local.get $row_weights) (local.get $taps)))
        (local.set $x (i32.add (local.get $x) (i32.const 4)))
        (br_if $each_pixel (i32.lt_u (local.get $x) (local.get $width))))
      (local.set $source (i32.add (local.get $source) (local.get $stride)))
      (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
      (br_if $each_row (local.get $rows))))

  ;; Rows of which `length` bytes are used, `stride` bytes apart, to `height` rows. starts: byte offset of each output row's first input row.
  (func (export "vertical")
    (param $source i32) (param $stride i32) (param $length i32)
    (param $starts i32) (param $counts i32) (param $weights i32) (param $taps i32)
    (param $height i32) (param $target i32)
    (local $y i32) (local $i i32) (local $row i32) (local $p i32) (local $w i32) (local $end i32)
    (local $low v128) (local $high v128) (local $bytes v128) (local $weight v128)
    (loop $each_row
      (local.set $row (i32.add (local.get $source) (i32.load (i32.add (local.get $starts) (local.get $y)))))
      (local.set $end (i32.add (local.get $weights) (i32.shl (i32.load (i32.add (local.get $counts) (local.get $y))) (i32.const 2))))
      (local.set $i (i32.const 0))
      (loop $each_group
        (local.set $p (i32.add (local.get $row) (local.get $i)))
        (local.set $w (local.get $weights))
        (local.set $low (v128.const i32x4 0x200000 0x200000 0x200000 0x200000))
        (local.set $high (local.get $low))
        (loop $each_tap
          (local.set $bytes (v128.load8x8_u (local.get $p)))
          (local.set $weight (v128.load32_splat (local.get $w)))
          (local.set $low (i32x4.add (local.get $low) (i32x4.mul (i32x4.extend_low_i16x8_u (local.get $bytes)) (local.get $weight))))
          (local.set $high (i32x4.add (local.get $high) (i32x4.mul (i32x4.extend_high_i16x8_u (local.get $bytes)) (local.get $weight))))
          (local.set $p (i32.add (local.get $p) (local.get $stride)))
          (local.set $w (i32.add (local.get $w) (i32.const 4)))
          (br_if $each_tap (i32.lt_u (local.get $w) (local.get $end))))
        (local.set $bytes
          (i16x8.narrow_i32x4_s (i32x4.shr_u (local.get $low) (i32.const 22)) (i32x4.shr_u (local.get $high) (i32.const 22))))
        (v128.store64_lane 0 (i32.add (local.get $target) (local.get $i)) (i8x16.narrow_i16x8_u (local.get $bytes) (local.get $bytes)))
        (local.set $i (i32.add (local.get $i) (i32.const 8)))
        (br_if $each_group (i32.lt_u (local.get $i) (local.get $length))))
      (local.set $target (i32.add (local.get $target) (local.get $length)))
      (local.set $weights (i32.add (local.get $weights) (local.get $taps)))
      (local.set $y (i32.add (local.get $y) (i32.const 4)))
      (br_if $each_row (i32.lt_u (local.get $y) (local.get $height))))))
