/** A TCP option as a script writes it. Sequence numbers are the script's. */
export type TcpOption =
  | { readonly kind: 'nop' | 'eol' | 'sackOK' }
  | { readonly kind: 'mss'; readonly bytes: number }
  | { readonly kind: 'wscale'; readonly shift: number }
  | { readonly kind: 'TS'; readonly value: number; readonly echo: number }
  | { readonly kind: 'sack'; readonly blocks: readonly (readonly [left: number, right: number])[] }
  /** Fast open: the cookie as hex digits, none for a request. */
  | { readonly kind: 'FO'; readonly cookie: string }
  /** What this code has no name for. It can come from a stack and cannot be written. */
  | { readonly kind: 'other'; readonly number: number; readonly data: string };

/** Bytes an option takes in a header. */
export function optionBytes(option: TcpOption): number {
  switch (option.kind) {
    case 'nop':
    case 'eol':
      return 1;
    case 'sackOK':
      return 2;
    case 'mss':
      return 4;
    case 'wscale':
      return 3;
    case 'TS':
      return 10;
    case 'sack':
      return 2 + 8 * option.blocks.length;
    case 'FO':
      return 2 + option.cookie.length / 2;
    case 'other':
      return 2 + option.data.length / 2;
  }
}

/** An option as a script writes it. */
export function printOption(option: TcpOption): string {
  switch (option.kind) {
    case 'mss':
      return `mss ${option.bytes}`;
    case 'wscale':
      return `wscale ${option.shift}`;
    case 'TS':
      return `TS val ${option.value} ecr ${option.echo}`;
    case 'sack':
      return `sack ${option.blocks.map(([left, right]) => `${left}:${right}`).join(' ')}`;
    case 'FO':
      return option.cookie === '' ? 'FO' : `FO ${option.cookie}`;
    case 'other':
      return `option ${option.number} 0x${option.data}`;
    default:
      return option.kind;
  }
}
