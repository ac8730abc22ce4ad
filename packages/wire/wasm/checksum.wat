;; The Internet checksum's ones-complement sum over a memory that the host provides.
;;
;; sum(address, length, initial) -> folded 16-bit sum of big-endian words, not inverted.
;;
;; Words are added as the machine reads them, little-endian, and the two bytes of the folded result are swapped at the end:
;; ones-complement addition does not mind (RFC 1071, 2B). `initial` is swapped on its way in.
;;
;; Lanes are 32 bits wide and each step adds at most 2 * 0xffff to one, so 2^15 steps fit; a block is 2^14 steps of 4 * 16 bytes,
;; with four accumulators so that additions do not wait for each other.
(module
  (import "linear" "memory" (memory 1))

  (func $fold (param $sum i64) (result i64)
    ;; Four times: a sum below 2^63 is then at most 0xffff.
    (local.set $sum (i64.add (i64.and (local.get $sum) (i64.const 0xffffffff)) (i64.shr_u (local.get $sum) (i64.const 32))))
    (local.set $sum (i64.add (i64.and (local.get $sum) (i64.const 0xffff)) (i64.shr_u (local.get $sum) (i64.const 16))))
    (local.set $sum (i64.add (i64.and (local.get $sum) (i64.const 0xffff)) (i64.shr_u (local.get $sum) (i64.const 16))))
    (i64.add (i64.and (local.get $sum) (i64.const 0xffff)) (i64.shr_u (local.get $sum) (i64.const 16))))

  (func $swap (param $word i32) (result i32)
    (i32.or
      (i32.shl (i32.and (local.get $word) (i32.const 0xff)) (i32.const 8))
      (i32.and (i32.shr_u (local.get $word) (i32.const 8)) (i32.const 0xff))))

  ;; Four 32-bit lanes as two of 64.
  (func $widen (param $lanes v128) (result v128)
    (i64x2.add
      (v128.and (local.get $lanes) (v128.const i64x2 0xffffffff 0xffffffff))
      (i64x2.shr_u (local.get $lanes) (i32.const 32))))

  (func (export "sum") (param $at i32) (param $length i32) (param $initial i32) (result i32)
    (local $end i32)
    (local $stop i32)
    (local $total i64)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)

    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (local.set $total (i64.extend_i32_u (call $swap (local.get $initial))))

    ;; 64 bytes a step, a block at a time.
    (block $blocks_done
      (loop $block
        (br_if $blocks_done (i32.lt_u (i32.sub (local.get $end) (local.get $at)) (i32.const 64)))
        (local.set $stop
          (i32.add (local.get $at)
            (i32.and
              (select
                (i32.const 0x100000)
                (i32.sub (local.get $end) (local.get $at))
                (i32.gt_u (i32.sub (local.get $end) (local.get $at)) (i32.const 0x100000)))
              (i32.const -64))))
        (local.set $a (v128.const i64x2 0 0))
        (local.set $b (v128.const i64x2 0 0))
        (local.set $c (v128.const i64x2 0 0))
        (local.set $d (v128.const i64x2 0 0))
        (loop $step
          (local.set $a (i32x4.add (local.get $a) (i32x4.extadd_pairwise_i16x8_u (v128.load align=1 (local.get $at)))))
          (local.set $b (i32x4.add (local.get $b) (i32x4.extadd_pairwise_i16x8_u (v128.load offset=16 align=1 (local.get $at)))))
          (local.set $c (i32x4.add (local.get $c) (i32x4.extadd_pairwise_i16x8_u (v128.load offset=32 align=1 (local.get $at)))))
          (local.set $d (i32x4.add (local.get $d) (i32x4.extadd_pairwise_i16x8_u (v128.load offset=48 align=1 (local.get $at)))))
          (local.set $at (i32.add (local.get $at) (i32.const 64)))
          (br_if $step (i32.lt_u (local.get $at) (local.get $stop))))
        (local.set $a
          (i64x2.add
            (i64x2.add (call $widen (local.get $a)) (call $widen (local.get $b)))
            (i64x2.add (call $widen (local.get $c)) (call $widen (local.get $d)))))
        (local.set $total
          (i64.add (local.get $total)
            (i64.add (i64x2.extract_lane 0 (local.get $a)) (i64x2.extract_lane 1 (local.get $a)))))
        (br $block)))

    ;; What is left: 0 to 63 bytes, by 8, by 2, and the last odd one, which is the high byte of its word: the low one here.
    (block $eights_done
      (loop $eight
        (br_if $eights_done (i32.lt_u (i32.sub (local.get $end) (local.get $at)) (i32.const 8)))
        (local.set $total
          (i64.add (local.get $total)
            (i64.add (i64.load32_u align=1 (local.get $at)) (i64.load32_u offset=4 align=1 (local.get $at)))))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br $eight)))
    (block $pairs_done
      (loop $pair
        (br_if $pairs_done (i32.lt_u (i32.sub (local.get $end) (local.get $at)) (i32.const 2)))
        (local.set $total (i64.add (local.get $total) (i64.load16_u align=1 (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 2)))
        (br $pair)))
    (if (i32.ne (local.get $end) (local.get $at))
      (then (local.set $total (i64.add (local.get $total) (i64.load8_u (local.get $at))))))

    (call $swap (i32.wrap_i64 (call $fold (local.get $total))))))
