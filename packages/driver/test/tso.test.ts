import type { SkBuff } from '@netmem/netdev';
import { composeFrame, pseudoHeaderSum4, tcp } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import { isSendableTso, removeLengthFromPseudoSum, tsoHeaderBytes } from '../src/tx-tso.ts';

const ETHERNET = 14;
const IPV4 = 20;
const HEADERS = 54;

/** An skb whose linear part is a whole frame at address 4, or only its headers when fragments are given. */
function packet(view: DataView, frame: Uint8Array, gsoSize: number, fragments: readonly number[] = []): SkBuff {
  for (const [i, byte] of frame.entries()) view.setUint8(4 + i, byte);
  const paged = fragments.reduce((sum, size) => sum + size, 0);
  const headlen = fragments.length > 0 ? HEADERS : frame.length;
  return {
    data: 4,
    len: headlen + paged,
    headlen,
    transportHeader: 4 + ETHERNET + IPV4,
    gsoSize,
    nrFrags: fragments.length,
    fragSize: (i: number) => fragments[i],
  } as unknown as SkBuff;
}

const frameOf = (bytes: number): Uint8Array =>
  composeFrame({ ipv4: { source: '10.1.2.3', destination: '10.9.8.7' }, tcp: { payload: new Uint8Array(bytes) } });

describe('removeLengthFromPseudoSum', () => {
  it.each([1, 1000, 65_495, 200_000])('of %i payload bytes leaves the sum over addresses and protocol', (payload) => {
    const view = new DataView(new ArrayBuffer(512));
    const skb = packet(view, frameOf(0), 1000, [payload]);
    const ip = 4 + ETHERNET;
    const length = 20 + payload;
    const fold = (sum: number): number => {
      let folded = sum;
      while (folded > 0xffff) folded = (folded & 0xffff) + (folded >>> 16);
      return folded;
    };
    // With the length, as a stack writes it; a length above 16 bits is added in whole and folded.
    view.setUint16(
      skb.transportHeader + tcp.CHECKSUM_AT,
      fold(pseudoHeaderSum4(view, ip + 12, ip + 16, 6, 0) + length),
    );
    removeLengthFromPseudoSum(view, skb);
    const without = fold(pseudoHeaderSum4(view, ip + 12, ip + 16, 6, 0));
    // Ones' complement has two zeroes, and no pseudo-header sum is either of them.
    expect(view.getUint16(skb.transportHeader + tcp.CHECKSUM_AT)).toBe(without);
  });
});

describe('isSendableTso', () => {
  const ask = (gsoSize: number, fragments: readonly number[], payload: number = 0): boolean => {
    const view = new DataView(new ArrayBuffer(8192));
    const skb = packet(view, frameOf(payload), gsoSize, fragments);
    expect(tsoHeaderBytes(view, skb)).toBe(HEADERS);
    return isSendableTso(view, skb);
  };

  it('counts buffers per segment: nine beside the header', () => {
    expect(ask(900, new Array<number>(17).fill(100))).toBe(true);
    expect(ask(901, new Array<number>(17).fill(100))).toBe(false);
    expect(ask(1000, [4096, 4096, 4096])).toBe(true);
    // Nine cuts that do not fall together with the segments' make a tenth piece.
    expect(ask(900, [50, ...new Array<number>(16).fill(100)])).toBe(false);
  });

  it('counts payload in the linear part as a buffer of the first segment', () => {
    expect(ask(1000, [], 3000)).toBe(true);
  });

  it('keeps to the sizes that a context descriptor holds', () => {
    expect(ask(87, [1000])).toBe(false);
    expect(ask(88, [500])).toBe(true);
    expect(ask(9728, [9728])).toBe(true);
    expect(ask(9729, [9729])).toBe(false);
    expect(ask(9000, [262_143])).toBe(true);
    expect(ask(9000, [262_144])).toBe(false);
  });
});
