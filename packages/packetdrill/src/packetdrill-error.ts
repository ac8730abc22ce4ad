import { EINVAL } from '@netmem/uapi';
import type { Position } from './syntax/script.ts';

/**
 * A script that cannot be run: it does not follow the grammar, or says something that makes no sense. Its message begins with the place,
 * `handshake.pkt:12:8: expected ')', found 'win'`. A stack that does something else than the script expects is no error but a result.
 */
export class PacketdrillError extends Error {
  override readonly name = 'PacketdrillError';
  /** Always `EINVAL`: test by this rather than by class. */
  readonly code = 'EINVAL';
  /** Number of {@link code}. */
  readonly errno: number = EINVAL;
  /** Name of the script, as given to the parser. */
  readonly script: string;
  /** Counts from 1. */
  readonly line: number;
  /** Counts from 1, in UTF-16 units. */
  readonly column: number;

  constructor(script: string, at: Position, message: string) {
    super(`${script}:${at.line}:${at.column}: ${message}`);
    this.script = script;
    this.line = at.line;
    this.column = at.column;
  }
}
