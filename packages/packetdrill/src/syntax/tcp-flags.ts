import { tcp } from '@netmem/wire';

/** Letters in the order in which they are printed; the dot, ACK, comes last as in tcpdump. */
const LETTERS: readonly (readonly [letter: string, bit: number])[] = [
  ['S', tcp.SYN],
  ['F', tcp.FIN],
  ['R', tcp.RST],
  ['P', tcp.PSH],
  ['U', tcp.URG],
  ['E', tcp.ECE],
  ['W', tcp.CWR],
  ['.', tcp.ACK],
];
const BITS: ReadonlyMap<string, number> = new Map(LETTERS);

/** The bits that letters stand for; null when one is unknown or stands twice. `-` is none. */
export function flagsOf(letters: string): number | null {
  if (letters === '-') return 0;
  let flags = 0;
  for (const letter of letters) {
    const bit = BITS.get(letter);
    if (bit === undefined || (flags & bit) !== 0) return null;
    flags |= bit;
  }
  return flags;
}

/** `S.` for SYN and ACK, `-` for none. */
export function printFlags(flags: number): string {
  const letters = LETTERS.map(([letter, bit]) => ((flags & bit) === 0 ? '' : letter)).join('');
  return letters === '' ? '-' : letters;
}
