/** The scenarios: what each is about, and what it needs beyond the ordinary. The steps themselves are the guest's scripts. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CableFaultOptions } from '../../host/options.ts';
import type { KnownMessage } from '../guest/kernel-log.ts';
import { GUEST_SCRIPTS } from '../setup/guest-programs.ts';
import { compareReleases, seriesOf } from '../setup/kernel-packages.ts';
import type { CardFigures } from './card-figures.ts';

/** One scenario. */
export interface Scenario {
  readonly name: string;
  readonly summary: string;
  /** The first kernel series whose gve and net core can do it. */
  readonly since?: string;
  /** What older kernels answer instead; the scenario checks that they do. */
  readonly refused?: { readonly before: string; readonly errno: string };
  /** TCP crosses the cable uncut, and the card hands it on as if it had merged it. */
  readonly superFrames?: boolean;
  /** The guest restarts on the way. */
  readonly mayReboot?: boolean;
  /** What the kernel says because the scenario asks for what cannot be. */
  readonly provokes?: readonly KnownMessage[];
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

function mergedPackets({ rx_merged }: CardFigures): string | null {
  return rx_merged > 0 ? null : 'the card merged nothing';
}

const MIB = 2 ** 20;

const REFUSALS: readonly KnownMessage[] = [
  { pattern: /Requested descriptor count has to be a power of 2/, cause: 'ethtool -G rx 1000' },
  { pattern: /Failed to add the flow rule/, cause: 'ethtool -N … queue 100' },
  { pattern: /AQ command failed with status -8/, cause: 'ethtool -N delete of a rule that is not there: NOT_FOUND' },
  { pattern: /mtu greater than device maximum/, cause: 'ip link set mtu 20000' },
];

/** In order of importance. */
export const SCENARIOS: readonly Scenario[] = [
  { name: 'ping', summary: 'echo requests of several sizes' },
  { name: 'tcp', summary: 'ordinary TCP in both directions, checked' },
  {
    name: 'devmem-rx',
    summary: 'receive into a udmabuf with MSG_SOCK_DEVMEM, every byte checked, every token returned',
    refused: { before: '6.18', errno: 'ENODATA' },
    expect: splitHeaders,
  },
  { name: 'devmem-tx', summary: 'send from a udmabuf with SCM_DEVMEM_DMABUF', since: '6.16' },
  { name: 'zcrx', summary: 'io_uring zero-copy receive', since: '6.18', expect: splitHeaders },
  {
    name: 'robust',
    summary: 'link flaps, resets, rmmod, reboot, queues and rings changed under traffic',
    mayReboot: true,
    bytesMax: 8 * MIB,
  },
  {
    name: 'hw-gro',
    summary: 'packets that the card merged, into device memory and elsewhere; and without',
    since: '6.18',
    superFrames: true,
    expect: mergedPackets,
  },
  {
    name: 'control-plane',
    summary: 'ethtool and netlink: what can be asked and set, and what is refused',
    provokes: REFUSALS,
  },
  {
    name: 'exhaustion',
    summary: 'an application that keeps its tokens, and recovery',
    since: '6.18',
    bytesMax: 8 * MIB,
    expect: splitHeaders,
  },
  {
    name: 'loss',
    summary: 'a cable that loses, reorders and duplicates',
    cable: { loss: 0.01, reorder: 0.01, duplicate: 0.005, corrupt: 0, delay: 0 },
    bytesMax: 2 * MIB,
  },
];

/** Whether a kernel is too old for what the scenario is about, so that it shows the refusal instead. */
export function isRefused({ refused }: Scenario, release: string): boolean {
  return refused !== undefined && compareReleases(seriesOf(release), refused.before) < 0;
}

/** The script of a scenario. */
export function scenarioScript(name: string): string {
  return readFileSync(join(GUEST_SCRIPTS, 'scenarios', name), 'utf8');
}
