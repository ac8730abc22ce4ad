/** The scenarios: what each is about, and what it needs beyond the ordinary. The steps themselves are the guest's scripts. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CableFaultOptions } from '../../rx/options.ts';
import { GUEST_SCRIPTS } from '../setup/guest-programs.ts';
import type { CardFigures } from './vm-report.ts';

/** One scenario. */
export interface Scenario {
  readonly name: string;
  readonly summary: string;
  /** TCP crosses the cable uncut, and the card hands it on as if it had merged it. */
  readonly superFrames?: boolean;
  /** The guest restarts on the way. */
  readonly mayReboot?: boolean;
  /** What the cable does to frames when the user said nothing. */
  readonly cable?: CableFaultOptions;
  /** What the card must have done, as a sentence when it has not. */
  readonly expect?: (card: CardFigures) => string | null;
  /** Most bytes that a transfer of this scenario makes sense with. */
  readonly bytesMax?: number;
}

function splitHeaders({ rx_split }: CardFigures): string | null {
  return rx_split > 0 ? null : 'the card split no header off';
}

/** In order of importance. */
export const SCENARIOS: readonly Scenario[] = [
  { name: 'ping', summary: 'echo requests of several sizes' },
  { name: 'tcp', summary: 'ordinary TCP in both directions, checked' },
  {
    name: 'devmem-rx',
    summary: 'receive into a udmabuf with MSG_SOCK_DEVMEM, every byte checked, every token returned',
    expect: splitHeaders,
  },
  { name: 'devmem-tx', summary: 'send from a udmabuf with SCM_DEVMEM_DMABUF' },
  { name: 'zcrx', summary: 'io_uring zero-copy receive', expect: splitHeaders },
];

/** The script of a scenario. */
export function scenarioScript(name: string): string {
  return readFileSync(join(GUEST_SCRIPTS, 'scenarios', name), 'utf8');
}
